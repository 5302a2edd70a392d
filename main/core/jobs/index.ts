/** A job's life, persisted from admission to the payout; each charge is booked in the same transaction. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job, JobEvent, JobState } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobFilter, JobPatch, JobRecords, JobStore } from '../../ports/jobs.ts';
import type { Ledger } from '../ledger/index.ts';
import { FAILED_STATES, FIRST_STATES, mayFollow, SERVED_STATES, UNFINISHED_STATES } from './states.ts';

export { type Bookkeeping, bookSettlement, recoverBooks } from './bookkeeping.ts';
export { newJobId } from './id.ts';
export { FAILED_STATES, NEXT_STATES, SERVED_STATES } from './states.ts';

export interface JobPage {
  readonly side?: Job['side'] | undefined;
  readonly outcome: 'all' | 'served' | 'failed';
  /** Creation time of the last job of the page before. */
  readonly beforeMs?: number | undefined;
  readonly limit: number;
}

/**
 * What provider and gateway write to (JobStore) and everybody else reads. A step that the state machine
 * does not know is an assertion failure.
 */
export interface Jobs extends JobStore {
  /** Newest first. A page may be shorter than its limit although there are more. */
  list(page: JobPage): { readonly jobs: readonly Job[]; readonly more: boolean };
  /** Fails with `not-found`. */
  show(id: string): { readonly job: Job; readonly events: readonly JobEvent[] };
  /** Jobs of one side created since then. */
  counts(side: Job['side'], fromMs: number): { readonly served: number; readonly failed: number };
  /** A channel was claimed up to `claimedTotal`: covers its jobs whose cumulative amount is not above it. */
  markClaimed(claim: { channelId: string; claimedTotal: Amount; txHash: string | null }): void;
  /** What was claimed in this asset was paid out. */
  markSettled(payout: { assetId: string; txHash: string | null }): void;
  /**
   * Called once at start, before the first job: what a crash left unfinished becomes `failed`, or
   * `charged` where the channel's own books show that the charge came through. `chargedTotal` is all that
   * was ever charged on a channel that we sell on; null when it is unknown.
   */
  recover(chargedTotal?: (channelId: string) => Amount | null): readonly Job[];
  /** Called for each insert and update, once the calling code has returned. Returns its unsubscribe. */
  onChange(listener: (job: Job) => void): () => void;
}

export interface JobsParts {
  readonly records: JobRecords;
  readonly ledger: Pick<Ledger, 'jobCharged' | 'bookedOnChannel'>;
  readonly clock: Clock;
}

const RECOVERY_BATCH = 200;

export function createJobs({ records, ledger, clock }: JobsParts): Jobs {
  const listeners = new Set<(job: Job) => void>();
  // Later, so that a listener that throws cannot take back a step that moves money.
  const notify = (job: Job) =>
    queueMicrotask(() => {
      for (const listener of [...listeners]) listener(job);
    });
  const find = (id: string): Job => {
    const job = records.find(id);
    if (job === null) throw new AppError('not-found', 'There is no job with this id.', { details: { id } });
    return job;
  };

  /** Writes a step and books its charge, all or nothing. */
  const step = (id: string, patch: JobPatch, event: JobEvent | null): Job =>
    records.transaction(() => {
      const before = find(id);
      const state = patch.state ?? before.state;
      assert(mayFollow(before.state, state), `job ${id} does not go from ${before.state} to ${state}`);
      records.update(id, patch);
      if (event !== null) records.appendEvent(id, event);
      const after = find(id);
      if (!UNFINISHED_STATES.includes(state)) ledger.jobCharged(after);
      return after;
    });

  const mark = (jobs: readonly Job[], paid: 'claimed' | 'settled', txHash: string | null): void => {
    const from: JobState = paid === 'claimed' ? 'charged' : 'claimed';
    const event = { atMs: clock.now(), state: paid, note: txHash };
    const changed = records.transaction(() =>
      jobs.map((job) => {
        records.markPaid(job.id, paid);
        // An aborted or failed job keeps its end; its time line still shows where the money went.
        return step(job.id, job.state === from ? { state: paid } : {}, event);
      }),
    );
    changed.forEach(notify);
  };

  return {
    insert(job) {
      assert(FIRST_STATES.includes(job.state), `a job does not begin as ${job.state}`);
      records.insert(job);
      notify(job);
    },
    update(id, patch) {
      notify(step(id, patch, null));
    },
    appendEvent: (id, event) => records.appendEvent(id, event),
    list({ side, outcome, beforeMs, limit }) {
      const filter: JobFilter = {
        side: side ?? null,
        states: outcome === 'all' ? null : outcome === 'served' ? SERVED_STATES : FAILED_STATES,
        beforeMs: beforeMs ?? null,
        limit: limit + 1,
      };
      const found = records.list(filter);
      const next = found[limit];
      if (next === undefined) return { jobs: found, more: false };
      const page = found.slice(0, limit);
      // The next page begins before this one's last time: jobs of that same millisecond belong together.
      const whole = page.filter((job) => job.createdAtMs > next.createdAtMs);
      return { jobs: whole.length > 0 ? whole : page, more: true };
    },
    show: (id) => ({ job: find(id), events: records.events(id) }),
    counts: (side, fromMs) => ({
      served: records.count({ side, states: SERVED_STATES, fromMs }),
      failed: records.count({ side, states: FAILED_STATES, fromMs }),
    }),
    markClaimed({ channelId, claimedTotal, txHash }) {
      const covered = records
        .unclaimed(channelId)
        .filter((job) => job.cumulative !== null && amount(job.cumulative) <= claimedTotal)
        .filter((job) => !UNFINISHED_STATES.includes(job.state));
      mark(covered, 'claimed', txHash);
    },
    markSettled: ({ assetId, txHash }) => mark(records.unsettled(assetId), 'settled', txHash),
    recover(chargedTotal = () => null) {
      const recovered: Job[] = [];
      for (;;) {
        const left = records.list({
          side: null,
          states: UNFINISHED_STATES,
          beforeMs: null,
          limit: RECOVERY_BATCH,
        });
        if (left.length === 0) return recovered;
        for (const job of left) recovered.push(recoverOne(job, chargedTotal));
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  function recoverOne(job: Job, chargedTotal: (channelId: string) => Amount | null): Job {
    const atMs = clock.now();
    const endedAtMs = job.endedAtMs ?? atMs;
    const cumulative = job.cumulative ?? cumulativeIfCharged(job, chargedTotal);
    if (cumulative !== null) {
      const event = { atMs, state: 'charged', note: 'Booked after a restart' } as const;
      return step(job.id, { state: 'charged', endedAtMs, cumulative }, event);
    }
    return step(
      job.id,
      { state: 'failed', endedAtMs, error: job.error ?? 'engine-failed' },
      { atMs, state: 'failed', note: 'Idlewatt ended unexpectedly during this job' },
    );
  }

  /** A channel's jobs are charged one after the other, so what is missing in the books is this one's. */
  function cumulativeIfCharged(job: Job, chargedTotal: (channelId: string) => Amount | null): string | null {
    const { side, state, channelId, charged } = job;
    if (side !== 'sold' || state !== 'delivered' || channelId === null || charged === null) return null;
    const total = chargedTotal(channelId);
    const isCharged = total !== null && ledger.bookedOnChannel(side, channelId) + amount(charged) === total;
    return isCharged ? total.toString() : null;
  }
}
