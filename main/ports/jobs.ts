/** Where jobs are kept, as the provider and the gateway see it: written at each step, read by others. */
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';

/** What may change in a job after it was inserted. */
export type JobPatch = Partial<Omit<Job, 'id' | 'side' | 'createdAtMs'>>;

/**
 * Each call is on disk when it returns. Ids are made by the caller and unique over both sides.
 * The caller appends one event for each state that it sets (also for the one inserted).
 */
export interface JobStore {
  insert(job: Job): void;
  /** Fails with `not-found` for an id that was never inserted. */
  update(id: string, patch: JobPatch): void;
  appendEvent(id: string, event: JobEvent): void;
}

/** A page of jobs, newest first. */
export interface JobFilter {
  readonly side: Job['side'] | null;
  /** All states when null. */
  readonly states: readonly JobState[] | null;
  /** Jobs created before this time; null from the newest. */
  readonly beforeMs: number | null;
  readonly limit: number;
}

/** The store with everything that core/jobs reads back. It keeps what it is given; the rules are core's. */
export interface JobRecords extends JobStore {
  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  find(id: string): Job | null;
  list(filter: JobFilter): readonly Job[];
  /** All jobs in the order of their ids, those after this one; '' begins. */
  page(afterId: string, limit: number): readonly Job[];
  /** Oldest first. */
  events(id: string): readonly JobEvent[];
  count(filter: {
    readonly side: Job['side'];
    readonly states: readonly JobState[];
    readonly fromMs: number;
  }): number;
  /** Sold jobs of a channel that were charged and not marked `claimed` yet, whatever state they ended in. */
  unclaimed(channelId: string): readonly Job[];
  /** Sold jobs that are marked `claimed` and not `settled`. */
  unsettled(assetId: string): readonly Job[];
  /** Marks how far a charged job's money has come; kept beside its state, which may be `aborted` or `failed`. */
  markPaid(id: string, mark: 'claimed' | 'settled'): void;
}
