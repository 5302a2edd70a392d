/** Batches of this machine's programs and pages: created, listed, canceled, and run in the background. */

import type { BatchView } from '../../../shared/api/batches.ts';
import { type BatchWait, COMPLETION_WINDOW_MS, hasEnded, type StoredBatch } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BatchStore, ListPage } from '../../ports/batches.ts';
import { firstEndpoint } from './check-file.ts';
import { type BatchFileParts, type BatchFiles, createBatchFiles } from './files.ts';
import { newBatchId } from './ids.ts';
import { type BatchRunnerParts, Runner } from './runner.ts';
import { createUploads, type Uploads } from './uploads.ts';

export interface BatchesParts extends BatchFileParts, BatchRunnerParts {
  readonly store: BatchStore;
}

export interface Batches {
  readonly files: BatchFiles;
  readonly uploads: Uploads;
  /** The newest ones, as pages show them. */
  views(limit: number): readonly BatchView[];
  /** Fails with `not-found` or `busy`. */
  create(request: Pick<StoredBatch, 'inputFileId' | 'endpoint' | 'metadata' | 'keyId'>): Promise<StoredBatch>;
  list(page: ListPage): readonly StoredBatch[];
  /** Fails with `not-found`. */
  find(id: string): StoredBatch;
  waitOf(id: string): BatchWait | null;
  /** The endpoint that the first line of a file names; the usual one if it names none. */
  endpointOf(fileId: string): Promise<StoredBatch['endpoint']>;
  /** Sends no further line; those in progress end. Fails with `not-found`, and with `bad-request` if it has ended. */
  cancel(id: string): Promise<StoredBatch>;
  start(): void;
  /** Looks at the settings again. */
  wake(): void;
  stop(): Promise<void>;
}

function viewOf({ store }: BatchesParts, runner: Runner, batch: StoredBatch): BatchView {
  const { id, status, total, completed, failed, createdAtMs, charged, errors } = batch;
  const existing = (file: string | null) => (file !== null && store.findFile(file) !== null ? file : null);
  return {
    ...{ id, status, total, completed, failed, createdAtMs, charged },
    name: store.findFile(batch.inputFileId)?.name ?? null,
    wait: runner.waitOf(id),
    leftMs: status === 'in_progress' ? runner.leftMs(id, total - completed - failed) : null,
    outputFileId: existing(batch.outputFileId),
    errorFileId: existing(batch.errorFileId),
    error: errors[0] ?? null,
  };
}

/** Batches that haven't ended. */
const OPEN_MAX = 100;
const ID_CHARACTERS_SHOWN = 100;

/** Removes what an earlier run left unfinished in the folder; `start` continues its batches. */
export function createBatches(parts: BatchesParts): Batches {
  const { store, folder, clock, log } = parts;
  folder.keepOnly((id) => store.findFile(id) !== null);
  const files = createBatchFiles(parts);
  const runner = new Runner(parts);
  const uploads = createUploads(files, clock);

  function find(id: string): StoredBatch {
    const batch = store.findBatch(id);
    if (batch !== null) return batch;
    throw new AppError('not-found', `No batch with the ID "${id.slice(0, ID_CHARACTERS_SHOWN)}".`);
  }

  return {
    files,
    uploads,
    find,
    list: (page) => store.listBatches(page),
    waitOf: (id) => runner.waitOf(id),
    views: (limit) =>
      store
        .listBatches({ after: null, limit, isNewestFirst: true })
        .map((batch) => viewOf(parts, runner, batch)),
    start: () => runner.start(),
    wake: () => runner.wake(),
    stop: () => runner.stop(),
    async create({ inputFileId, endpoint, metadata, keyId }) {
      const file = files.find(inputFileId);
      if (file.purpose !== 'batch') {
        throw new AppError('bad-request', 'The file must have the purpose "batch".', {
          details: { param: 'input_file_id', code: 'invalid_value' },
        });
      }
      if (store.openBatches().length >= OPEN_MAX) {
        throw new AppError('busy', `At most ${OPEN_MAX} batches can be in progress.`);
      }
      const createdAtMs = clock.now();
      const batch: StoredBatch = {
        ...{ id: newBatchId(), inputFileId, endpoint, metadata, keyId, createdAtMs, status: 'validating' },
        expiresAtMs: createdAtMs + COMPLETION_WINDOW_MS,
        ...{ inProgressAtMs: null, finalizingAtMs: null, completedAtMs: null, failedAtMs: null },
        ...{ expiredAtMs: null, cancellingAtMs: null, cancelledAtMs: null },
        ...{ outputFileId: null, errorFileId: null, errors: [] },
        ...{ total: 0, completed: 0, failed: 0, charged: '0' },
      };
      store.insertBatch(batch);
      await store.durable();
      parts.changed();
      runner.wake();
      return batch;
    },
    endpointOf: (fileId) => firstEndpoint(folder, files.find(fileId).id),
    async cancel(id) {
      const batch = find(id);
      if (hasEnded(batch) || batch.status === 'finalizing') {
        throw new AppError('bad-request', `A batch with the status "${batch.status}" can’t be canceled.`);
      }
      if (batch.status === 'cancelling') return batch;
      const cancelled = store.updateBatch(id, { status: 'cancelling', cancellingAtMs: clock.now() });
      await store.durable();
      log.info('A batch is being canceled', { batch: id });
      parts.changed();
      runner.wake();
      return cancelled;
    },
  };
}
