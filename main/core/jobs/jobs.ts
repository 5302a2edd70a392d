/** The life cycle of jobs, stored from admission to payout; each charge is recorded in the same transaction. */
import { assert } from '../../../shared/assert.ts';
import type { Job, JobEvent, JobState } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobFilter, JobRecords, JobStore } from '../../ports/jobs.ts';
import { type Durability, IMMEDIATE } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';
import { createJobSteps } from './job-steps.ts';
import { type ChargedTotal, recoverJobs, recoverOne } from './recovery.ts';
import { FAILED_STATES, FIRST_STATES, SERVED_STATES, UNFINISHED_STATES } from './states.ts';

export interface JobPage {
  readonly side?: Job['side'] | undefined;
  readonly outcome: 'all' | 'served' | 'failed';
  /** Creation time of the last job of the previous page. */
  readonly beforeMs?: number | undefined;
  readonly limit: number;
}

/**
 * The store that provider and gateway write to (JobStore), with everything that the rest of the agent reads. A
 * transition that the state machine doesn't have is an assertion failure.
 */
export interface Jobs extends JobStore {
  /** Newest first. A page may be shorter than its limit even if there are more. */
  list(page: JobPage): { readonly jobs: readonly Job[]; readonly more: boolean };
  /** Fails with `not-found`. */
  show(id: string): { readonly job: Job; readonly events: readonly JobEvent[] };
  /** Counts the jobs of one side that were created since then and, if an end is given, before it. */
  counts(
    side: Job['side'],
    fromMs: number,
    toMs?: number,
  ): { readonly served: number; readonly failed: number };
  /** Marks the jobs of a channel that was claimed up to `claimedTotal`: those whose cumulative amount isn't above it. */
  markClaimed(claim: { channelId: string; claimedTotal: Amount; txHash: string | null }): void;
  /** Marks the jobs of this asset that were claimed as paid out. */
  markSettled(payout: { assetId: string; txHash: string | null }): void;
  /**
   * Called once at start, before the first job: a job that a crash left unfinished becomes `failed`, or `charged`
   * where the channel's own records show that the charge came through. `chargedTotal` is everything that was ever
   * charged on a channel that this machine sells on; null when it is unknown.
   */
  recover(chargedTotal?: ChargedTotal): readonly Job[];
  /** Ends the jobs that were left in the same way. Called when the disk takes writes again. */
  recoverLeft(chargedTotal?: ChargedTotal): void;
  /** Called for each insert and update, once the calling code has returned. Returns its unsubscribe. */
  onChange(listener: (job: Job) => void): () => void;
}

export interface JobsParts {
  readonly records: JobRecords;
  readonly ledger: Pick<Ledger, 'jobCharged' | 'bookedOnChannel'>;
  readonly clock: Clock;
  /** Defers the steps of jobs. Default: each is on disk immediately. */
  readonly durability?: Durability;
}

export function createJobs({ records, ledger, clock, durability = IMMEDIATE }: JobsParts): Jobs {
  const steps = createJobSteps(records, ledger);
  const listeners = new Set<(job: Job) => void>();
  const left = new Set<string>();
  // Deferred, so that a listener that throws can't undo a step that moves money.
  const notify = (job: Job) =>
    queueMicrotask(() => {
      for (const listener of [...listeners]) listener(job);
    });

  function mark(jobs: readonly Job[], paid: 'claimed' | 'settled', txHash: string | null): void {
    const from: JobState = paid === 'claimed' ? 'charged' : 'claimed';
    const event = { atMs: clock.now(), state: paid, note: txHash };
    const changed = records.transaction(() =>
      jobs.map((job) =>
        // An aborted or failed job keeps its end state; its timeline still shows where the money went.
        steps.write(job.id, job.state === from ? { state: paid } : {}, event, paid),
      ),
    );
    changed.forEach(notify);
  }

  return {
    insert(job, event) {
      assert(FIRST_STATES.includes(job.state), `a job can't begin as ${job.state}`);
      durability.defer(() => records.insert(job, event));
      notify(job);
    },
    update(id, patch, event) {
      const job = durability.defer(() => steps.write(id, patch, event));
      notify(job);
      return job;
    },
    durable: () => durability.durable(),
    list: (page) => listPage(records, page),
    show: (id) => ({ job: steps.find(id), events: records.events(id) }),
    counts: (side, fromMs, toMs = Number.MAX_SAFE_INTEGER) => ({
      served: records.count({ side, states: SERVED_STATES, fromMs, toMs }),
      failed: records.count({ side, states: FAILED_STATES, fromMs, toMs }),
    }),
    markClaimed({ channelId, claimedTotal, txHash }) {
      const covered = records
        .unclaimed(channelId)
        .filter((job) => job.cumulative !== null && amount(job.cumulative) <= claimedTotal)
        .filter((job) => !UNFINISHED_STATES.includes(job.state));
      mark(covered, 'claimed', txHash);
    },
    markSettled: ({ assetId, txHash }) => mark(records.unsettled(assetId), 'settled', txHash),
    leave: (id) => void left.add(id),
    recover: (chargedTotal = () => null) => recoverJobs({ records, steps, ledger, clock }, chargedTotal),
    recoverLeft(chargedTotal = () => null) {
      for (const id of left) {
        const job = records.find(id);
        const isOpen = job !== null && UNFINISHED_STATES.includes(job.state);
        if (isOpen) notify(recoverOne({ steps, ledger, clock }, job, chargedTotal));
        left.delete(id);
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function listPage(
  records: JobRecords,
  { side, outcome, beforeMs, limit }: JobPage,
): ReturnType<Jobs['list']> {
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
}
