/** Downloads a model file from the first source that delivers it with the expected checksum. */
import { rename } from 'node:fs/promises';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelSource } from './catalogue.ts';
import { describeSource, download, reasonOf } from './download.ts';
import type { DownloadOptions } from './download-options.ts';
import { expectedOf, type ModelRecord, partPath } from './model-record.ts';
import type { ModelRecords } from './model-records.ts';
import { partBytes } from './part-file.ts';
import { createProgress } from './progress.ts';
import { checkFile, quarantine, stampFile } from './verified-file.ts';

const CHANGE_INTERVAL_MS = 250;

export interface ModelDownloadOptions extends Pick<DownloadOptions, 'fetch' | 'openPart' | 'python'> {
  readonly clock: Clock;
  readonly records: ModelRecords;
}

/**
 * Tries the sources in order and returns the checksum of the verified file. Fails with `no-source` or
 * `checksum-mismatch` (both with `details.tried`), `disk-full` or `aborted`.
 */
export async function downloadModel(
  record: ModelRecord,
  options: ModelDownloadOptions,
  signal: AbortSignal,
): Promise<string> {
  const tried: { source: string; reason: string }[] = [];
  let altered = 0;
  for (const source of record.entry.sources) {
    const name = describeSource(source);
    try {
      const sha256 = await downloadVerified(record, source, options, signal);
      if (sha256 !== null) return sha256;
      altered += 1;
      tried.push({ source: name, reason: 'the file does not have the expected checksum' });
    } catch (error) {
      if (signal.aborted) throw new AppError('aborted', 'The download was stopped.', { cause: error });
      if (isAppError(error, 'disk-full')) throw error;
      tried.push({ source: name, reason: reasonOf(error) });
    }
  }
  const list = tried.map(({ source, reason }) => `${source} (${reason})`).join('; ');
  const code = altered > 0 && altered === tried.length ? 'checksum-mismatch' : 'no-source';
  throw new AppError(code, `The model could not be downloaded. Tried: ${list}.`, { details: { tried } });
}

/**
 * Downloads from one source; retries once from the beginning if a resumed file turns out wrong. Returns null if
 * the checksum is not the expected one.
 */
async function downloadVerified(
  record: ModelRecord,
  source: ModelSource,
  options: ModelDownloadOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const part = partPath(record);
  const resumed = partBytes(part) > 0;
  for (let attempt = 0; attempt < (resumed ? 2 : 1); attempt += 1) {
    await fetchPart(record, source, options, signal);
    options.records.update(record, { state: 'verifying', progress: null });
    const sha256 = await checkFile(part, expectedOf(record), { trustStamp: false, signal });
    if (sha256 !== null) {
      await rename(part, record.path);
      await stampFile(record.path, sha256);
      return sha256;
    }
    await quarantine(part);
  }
  return null;
}

async function fetchPart(
  record: ModelRecord,
  source: ModelSource,
  { clock, records, ...means }: ModelDownloadOptions,
  signal: AbortSignal,
): Promise<void> {
  const path = partPath(record);
  const { sizeBytes } = record.entry;
  const progress = createProgress(clock, describeSource(source), partBytes(path), sizeBytes);
  let shownAtMs = clock.monotonic();
  records.update(record, { state: 'downloading', progress: progress.now(), error: null });
  await download(source, {
    ...means,
    path,
    sizeBytes,
    clock,
    signal,
    onBytes(receivedBytes, totalBytes) {
      record.progress = progress.add(receivedBytes, totalBytes);
      const complete = receivedBytes === totalBytes;
      if (!complete && clock.monotonic() - shownAtMs < CHANGE_INTERVAL_MS) return;
      shownAtMs = clock.monotonic();
      for (const watcher of record.watchers) watcher(record.progress);
      records.notify();
    },
  });
}
