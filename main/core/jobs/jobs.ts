/** The life cycle of jobs, stored from admission to payout; each charge is recorded in the same transaction. */
import { assert } from '../../../shared/assert.ts';
import type { Job, JobEvent } from '../../../shared/jobs.ts';
import type { Amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobPatch, JobRecords, JobStore } from '../../ports/jobs.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';
import { type FoundJobs, type JobPage, listJobs } from './job-pages.ts';
import { createJobSteps } from './job-steps.ts';
import { createLeftJobs } from './left-jobs.ts';
import { createOutcomeCounter, type OutcomeCounts } from './outcome-counts.ts';
import { createPaymentMarks } from './payment-marks.ts';
import { type ChargedTotal, type RecoveryParts, recoverIfOpen, recoverJobs } from './recovery.ts';
import { createRunningSteps } from './running-steps.ts';
import { FIRST_STATES, UNFINISHED_STATES } from './states.ts';

/**
 * The store that provider and gateway write to (JobStore), with everything that the rest of the agent reads. A
 * transition that the state machine doesn't have is an assertion failure.
 */
export interface Jobs extends JobStore {
  /** Newest first. A page may be shorter than its limit even if there are more. */
  list(page: JobPage): FoundJobs;
  /** Adds the steps that only memory has to jobs as they are stored. */
  withRunning(page: FoundJobs): FoundJobs;
  /** Fails with `not-found`. */
  show(id: string): { readonly job: Job; readonly events: readonly JobEvent[] };
  /** Counts the jobs of one side that were created since then and, if an end is given, before it. */
  counts(side: Job['side'], fromMs: number, toMs?: number): OutcomeCounts;
  /**
   * Marks the jobs of a channel that was claimed up to `claimedTotal`: those whose cumulative amount isn't above it. The
   * call is stored when it returns, or with the transaction around it; the jobs follow in batches, also after a crash.
   */
  markClaimed(claim: { channelId: string; claimedTotal: Amount; txHash: string | null }): void;
  /** Marks the jobs of this asset that were claimed as paid out, in the same way. */
  markSettled(payout: { assetId: string; txHash: string | null }): void;
  /**
   * Called once at start, before the first job: a job that a crash left unfinished becomes `failed`, or `charged`
   * where the channel's own records show that the charge came through. `chargedTotal` is everything that was ever
   * charged on a channel that this machine sells on; null when it is unknown.
   */
  recover(chargedTotal?: ChargedTotal): readonly Job[];
  /** Ends the jobs that were left in the same way. Called when the disk takes writes again. */
  recoverLeft(chargedTotal?: ChargedTotal): void;
  /**
   * Ends the left jobs of a customer. Called before a payment of its is recorded that was on its way: until then it is known
   * that the balance doesn't pay for them. Fails if the disk takes nothing yet.
   */
  recoverLeftOf(customerId: string): void;
  /** Ends the marking of jobs; the next start resumes it. Call it before the database is closed. */
  stop(): void;
  /** Called for each insert and update, once the calling code has returned. Returns its unsubscribe. */
  onChange(listener: (job: Job) => void): () => void;
}

export interface JobsParts {
  readonly records: JobRecords;
  /** Stores which payments still have jobs to mark, in the same database. */
  readonly store: RecordStore;
  readonly ledger: Pick<Ledger, 'jobCharged' | 'bookedOnChannel' | 'customerBalance'>;
  readonly clock: Clock;
  /** See {@link RecoveryParts}. Default: never. */
  readonly isPaymentPending?: RecoveryParts['isPaymentPending'];
  /** Defers the steps of jobs. Default: each is on disk immediately. */
  readonly durability?: Durability;
}

export function createJobs(parts: JobsParts): Jobs {
  const { records, store, ledger, clock, durability = IMMEDIATE, isPaymentPending = () => false } = parts;
  const steps = createJobSteps(records, ledger);
  const recovery = { records, steps, ledger, clock, isPaymentPending };
  const counter = createOutcomeCounter(records);
  const running = createRunningSteps();
  const listeners = new Set<(job: Job) => void>();
  const left = createLeftJobs(durability);
  // Deferred, so that a listener that throws can't undo a step that moves money.
  const notify = (job: Job) =>
    queueMicrotask(() => {
      for (const listener of [...listeners]) listener(job);
    });
  const marks = createPaymentMarks({ records, steps, store, clock, durability, notify });

  function writeStep(id: string, patch: JobPatch, event: JobEvent | undefined): Job {
    const begun = running.kept(id);
    const events = [...(begun?.events ?? []), ...(event === undefined ? [] : [event])];
    const step = { patch: { ...begun?.patch, ...patch }, events, from: begun?.patch.state };
    const write = () => durability.defer(() => steps.write(id, step));
    const isEnd = patch.state !== undefined && !UNFINISHED_STATES.includes(patch.state);
    const job = isEnd ? left.ending(id, write) : write();
    running.forget(id);
    return job;
  }

  return {
    insert(job, event) {
      assert(FIRST_STATES.includes(job.state), `a job can't begin as ${job.state}`);
      counter.inserted(job);
      durability.defer(() => records.insert(job, event));
      notify(job);
    },
    update(id, patch, event) {
      const job = running.begin(steps.find, id, patch, event) ?? writeStep(id, patch, event);
      notify(job);
      return job;
    },
    durable: () => durability.durable(),
    list: (page) => running.inPage(listJobs(records, page)),
    withRunning: running.inPage,
    show: (id) => ({
      job: running.applied(steps.find(id)),
      events: [...records.events(id), ...running.events(id)],
    }),
    counts: (side, fromMs, toMs = Number.MAX_SAFE_INTEGER) => counter.count(side, fromMs, toMs),
    markClaimed: marks.claimed,
    markSettled: marks.settled,
    leave: left.add,
    stop: marks.stop,
    recover(chargedTotal = () => null) {
      running.forget(null);
      return recoverJobs(recovery, chargedTotal);
    },
    recoverLeft(chargedTotal = () => null) {
      for (const id of left.take()) {
        running.forget(id);
        const job = recoverIfOpen(recovery, id, chargedTotal);
        if (job !== null) notify(job);
      }
    },
    recoverLeftOf(customerId) {
      // They stay remembered: what is written now may be undone with its group.
      for (const id of left.list()) {
        if (records.find(id)?.channelId !== customerId) continue;
        running.forget(id);
        const job = recoverIfOpen(recovery, id, () => null);
        if (job !== null) notify(job);
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
