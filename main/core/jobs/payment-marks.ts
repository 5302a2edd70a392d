/**
 * Marks jobs as claimed or paid out after the chain did it. One settlement may cover any number of jobs, and buyers wait
 * for the same thread: the event is stored as a note, and its jobs are marked in small batches that resume after a crash.
 * The ledger doesn't wait for them.
 */
import { z } from 'zod';
import type { Job, JobState } from '../../../shared/jobs.ts';
import { type Amount, amountSchema } from '../../../shared/money.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import type { Durability, RecordStore } from '../../ports/store.ts';
import type { JobSteps } from './job-steps.ts';

/** Marking one job takes a fifth of a millisecond of the agent's only thread. */
export const MARK_BATCH_JOBS = 40;
export const MARK_PAUSE_MS = 20;
/** Time until the next attempt after a failure. */
const RETRY_MS = 30_000;

const COLLECTION = 'job-marks';
const KEY_DIGITS = 15;

const noteSchema = z.discriminatedUnion('paid', [
  z.object({
    paid: z.literal('claimed'),
    atMs: z.number(),
    txHash: z.string().nullable(),
    channelId: z.string(),
    claimedTotal: amountSchema,
  }),
  z.object({
    paid: z.literal('settled'),
    atMs: z.number(),
    txHash: z.string().nullable(),
    assetId: z.string(),
  }),
]);
type Note = z.infer<typeof noteSchema>;

/** The state that a payment's progress follows. */
const BEFORE = { claimed: 'charged', settled: 'claimed' } as const satisfies Record<string, JobState>;

export interface PaymentMarks {
  /** See `markClaimed` of the jobs. Atomic with the transaction that it is called in, if any. */
  claimed(claim: { channelId: string; claimedTotal: Amount; txHash: string | null }): void;
  settled(payout: { assetId: string; txHash: string | null }): void;
  /** Ends the marking; the next start resumes it. */
  stop(): void;
}

export interface PaymentMarksParts {
  readonly records: Pick<JobRecords, 'transaction' | 'unclaimed' | 'unsettled'>;
  readonly steps: Pick<JobSteps, 'write'>;
  /** Stores the notes, in the same database. */
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly durability: Durability;
  readonly notify: (job: Job) => void;
}

export function createPaymentMarks(parts: PaymentMarksParts): PaymentMarks {
  const { records, store, clock, durability, notify } = parts;
  let next: Timer | null = null;
  let isStopped = false;

  function schedule(delayMs: number): void {
    if (!isStopped) next ??= clock.after(delayMs, step);
  }

  function step(): void {
    next = null;
    try {
      const marked = durability.defer(() => records.transaction(() => markBatch(parts)));
      marked.forEach(notify);
    } catch (error) {
      schedule(RETRY_MS);
      const fault = storageFaultOf(error);
      // The storage reports its own faults, except for a row that can't be read.
      if (fault === null || fault === 'database-damaged') throw error;
      return;
    }
    if (store.list(COLLECTION).length > 0) schedule(MARK_PAUSE_MS);
    // A group that is lost brings its notes back.
    else durability.durable().catch(() => schedule(RETRY_MS));
  }

  /** Notes are handled in the order of the events: a payout covers the jobs that were claimed before it. */
  function add(note: Note): void {
    const last = store.list(COLLECTION).at(-1)?.key ?? '0';
    const key = String(Number(last) + 1).padStart(KEY_DIGITS, '0');
    const text = note.paid === 'claimed' ? { ...note, claimedTotal: note.claimedTotal.toString() } : note;
    store.set(COLLECTION, key, JSON.stringify(text));
    schedule(MARK_PAUSE_MS);
  }

  if (store.list(COLLECTION).length > 0) schedule(MARK_PAUSE_MS);
  return {
    claimed({ channelId, claimedTotal, txHash }) {
      if (records.unclaimed(channelId, claimedTotal, 1).length === 0) return;
      add({ paid: 'claimed', atMs: clock.now(), txHash, channelId, claimedTotal });
    },
    settled({ assetId, txHash }) {
      const isNothingDue = records.unsettled(assetId, 1).length === 0;
      if (isNothingDue && store.list(COLLECTION).length === 0) return;
      add({ paid: 'settled', atMs: clock.now(), txHash, assetId });
    },
    stop() {
      isStopped = true;
      next?.cancel();
    },
  };
}

/** Marks the next jobs, forgets the notes without any left, and returns the jobs. */
function markBatch({ records, steps, store }: PaymentMarksParts): readonly Job[] {
  const notes = store
    .list(COLLECTION)
    .map(({ key, value }) => ({ key, note: noteSchema.parse(JSON.parse(value)) }));
  const marked = markShares({ records, steps }, firstClaims(notes.map(({ note }) => note)));
  for (const { key, note } of notes) {
    const room = MARK_BATCH_JOBS - marked.length;
    if (room === 0) break;
    const covered =
      note.paid === 'claimed'
        ? records.unclaimed(note.channelId, note.claimedTotal, room)
        : records.unsettled(note.assetId, room);
    for (const job of covered) marked.push(markOne(steps, job, note));
    if (covered.length < room) store.delete(COLLECTION, key);
  }
  return marked;
}

type Claim = Extract<Note, { paid: 'claimed' }>;

/** Returns the claims that nothing has to precede: those before the first payout, one for each channel. */
function firstClaims(notes: readonly Note[]): readonly Claim[] {
  const claims: Claim[] = [];
  for (const note of notes) {
    if (note.paid !== 'claimed') break;
    if (claims.some(({ channelId }) => channelId === note.channelId)) break;
    claims.push(note);
  }
  return claims;
}

/**
 * Gives each channel its part of the batch: jobs of one time are next to each other in the database, whatever their
 * channels, and their rows are written together.
 */
function markShares(
  { records, steps }: Pick<PaymentMarksParts, 'records' | 'steps'>,
  claims: readonly Claim[],
): Job[] {
  const share = Math.max(1, Math.floor(MARK_BATCH_JOBS / Math.max(1, claims.length)));
  return claims
    .slice(0, MARK_BATCH_JOBS)
    .flatMap((claim) =>
      records.unclaimed(claim.channelId, claim.claimedTotal, share).map((job) => markOne(steps, job, claim)),
    );
}

function markOne(steps: Pick<JobSteps, 'write'>, job: Job, { paid, atMs, txHash }: Note): Job {
  return steps.write(job.id, {
    // An aborted or failed job keeps its end state; its timeline still shows where the money went.
    patch: job.state === BEFORE[paid] ? { state: paid } : {},
    events: [{ atMs, state: paid, note: txHash }],
    paid,
  });
}
