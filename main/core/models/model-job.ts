/** Preparing one model file as a job that several callers share. */

import { AppError, isAppError } from '../../../shared/errors.ts';
import type { ModelFile } from '../../ports/engine.ts';
import { asStorageError } from '../../ports/storage.ts';
import type { ModelJob, ModelProgress, ModelRecord } from './model-record.ts';
import type { ModelRecords } from './model-records.ts';

export interface EnsureOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ModelProgress) => void;
}

const STOPPED = 'The download was stopped.';

/** Returns the record's running job, or starts one that runs `prepare`. The record shows how the job ends. */
export function jobOf(
  record: ModelRecord,
  records: ModelRecords,
  prepare: (signal: AbortSignal) => Promise<ModelFile>,
): ModelJob {
  record.job ??= startJob(record, records, prepare);
  return record.job;
}

function startJob(
  record: ModelRecord,
  records: ModelRecords,
  prepare: (signal: AbortSignal) => Promise<ModelFile>,
): ModelJob {
  const controller = new AbortController();
  const promise = prepare(controller.signal)
    .catch((error: unknown) => {
      if (controller.signal.aborted) {
        records.update(record, { state: 'absent', progress: null });
        throw new AppError('aborted', STOPPED, { cause: error });
      }
      // A copy from another folder fills the disk as a download does.
      const failure = asStorageError(error);
      const reason = isAppError(failure) ? failure.message : 'The model file could not be prepared.';
      records.update(record, { state: 'failed', progress: null, error: reason });
      throw failure;
    })
    .finally(() => {
      record.job = null;
    });
  return { promise, controller, callers: 0 };
}

/** Fails with `aborted` if the signal is already aborted. */
export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError('aborted', STOPPED);
}

/** Waits for the job as one of its callers. The job is stopped when the last caller aborts. */
export async function joinJob(
  record: ModelRecord,
  job: ModelJob,
  { signal, onProgress }: EnsureOptions,
): Promise<ModelFile> {
  job.callers += 1;
  if (onProgress) record.watchers.add(onProgress);
  const leave = Promise.withResolvers<never>();
  const onAbort = () => {
    job.callers -= 1;
    if (job.callers === 0) job.controller.abort();
    leave.reject(new AppError('aborted', STOPPED));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([job.promise, leave.promise]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (onProgress) record.watchers.delete(onProgress);
  }
}
