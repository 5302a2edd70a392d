/** Writes the files of a batch that has no line in progress, and ends it. Interrupted at any moment, it is done again. */
import type { BatchStatus, StoredBatch, StoredFile } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BatchLine, BatchStore } from '../../ports/batches.ts';
import type { Clock } from '../../ports/clock.ts';
import type { BatchFolder } from './folder.ts';
import { resultFileId } from './ids.ts';
import { LINE_ERRORS, resultLines } from './results.ts';

export interface FinishParts {
  readonly store: BatchStore;
  readonly folder: BatchFolder;
  readonly clock: Clock;
  readonly chargeOf: (jobId: string) => bigint | null;
  readonly isChargeOpen: (jobId: string) => boolean;
}

/** A job whose charge its provider may still report. */
export interface OpenCharge {
  readonly job: string;
  readonly peer: string;
}

type EndStatus = Extract<BatchStatus, 'completed' | 'cancelled' | 'expired'>;

const END_TIMES = {
  completed: 'completedAtMs',
  cancelled: 'cancelledAtMs',
  expired: 'expiredAtMs',
} as const satisfies Record<EndStatus, keyof StoredBatch>;
/** Lines that are read together. */
const GROUP = 200;
/** Results are bounded by the lines and their answers, which the disk had room for already. */
const RESULT_BYTES_MAX = Number.MAX_SAFE_INTEGER;

export async function finishBatch(
  parts: FinishParts,
  batch: StoredBatch,
  status: EndStatus,
): Promise<StoredBatch> {
  const { store, clock } = parts;
  const charged = chargeLines(parts, batch);
  const output = await writeResults(parts, batch, 'output', status);
  const errors = await writeResults(parts, batch, 'errors', status);
  const ended = store.transaction(() => {
    for (const file of [output, errors]) {
      if (file !== null && store.findFile(file.id) === null) store.insertFile(file);
    }
    store.deleteLines(batch.id);
    const { completed, total } = batch;
    return store.updateBatch(batch.id, {
      status,
      finalizingAtMs: batch.finalizingAtMs ?? clock.now(),
      [END_TIMES[status]]: clock.now(),
      outputFileId: output?.id ?? null,
      errorFileId: errors?.id ?? null,
      failed: total - completed,
      charged: charged.toString(),
    });
  });
  await store.durable();
  return ended;
}

/** Returns the charges of a batch's lines that aren't known yet. */
export function openCharges(parts: FinishParts, batch: StoredBatch): readonly OpenCharge[] {
  const open: OpenCharge[] = [];
  for (const { charged, jobs, peer } of linesOf(parts, batch)) {
    const unknown = charged === null ? jobs.filter((job) => isOpen(parts, job)) : [];
    open.push(...unknown.map((job) => ({ job, peer: peer ?? '' })));
  }
  return open;
}

export function isOpen({ chargeOf, isChargeOpen }: FinishParts, job: string): boolean {
  return chargeOf(job) === null && isChargeOpen(job);
}

/** Adds charges that became known after their line had ended. Returns the sum of all lines. */
function chargeLines(parts: FinishParts, batch: StoredBatch): bigint {
  const { store, chargeOf } = parts;
  let sum = 0n;
  for (const { line, charged, jobs } of linesOf(parts, batch)) {
    const known =
      charged === null ? jobs.reduce((all, job) => all + (chargeOf(job) ?? 0n), 0n) : BigInt(charged);
    if (charged === null && jobs.length > 0) store.updateLine(batch.id, line, { charged: known.toString() });
    sum += known;
  }
  return sum;
}

/** Yields all lines, those of one state after another. */
function* linesOf({ store }: FinishParts, batch: StoredBatch): Generator<BatchLine, void> {
  for (const state of ['answered', 'failed', 'waiting', 'sent'] as const) {
    let after = 0;
    for (;;) {
      const lines = store.lines(batch.id, state, after, GROUP);
      const last = lines.at(-1);
      if (last === undefined) break;
      after = last.line;
      yield* lines;
    }
  }
}

async function writeResults(
  { store, folder, clock }: FinishParts,
  batch: StoredBatch,
  kind: 'output' | 'errors',
  status: EndStatus,
): Promise<StoredFile | null> {
  const id = resultFileId(batch.id, kind);
  const unanswered = status === 'cancelled' ? LINE_ERRORS.cancelled : LINE_ERRORS.expired;
  const content = resultLines(store, batch, kind, unanswered);
  const onFull = () => new AppError('disk-full', 'The results of the batch are too large.');
  const bytes = await folder.write(id, content, { bytesMax: RESULT_BYTES_MAX, onFull });
  if (bytes === 0) {
    await folder.remove(id);
    return null;
  }
  const name = `${batch.id}_${kind === 'output' ? 'output' : 'error'}.jsonl`;
  return { id, purpose: 'batch_output', name, bytes, createdAtMs: clock.now() };
}
