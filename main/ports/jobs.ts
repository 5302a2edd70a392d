/** Port for the storage of jobs: provider and gateway write each step, other modules read. */
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';

/** The fields of a job that may change after it was inserted. */
export type JobPatch = Partial<Omit<Job, 'id' | 'side' | 'createdAtMs'>>;

/**
 * Each call is on disk when it returns. The caller creates the IDs, which are unique over both sides, and appends one
 * event for each state that it sets, including the first one.
 */
export interface JobStore {
  insert(job: Job): void;
  /** Fails with `not-found` for an ID that was never inserted. */
  update(id: string, patch: JobPatch): void;
  appendEvent(id: string, event: JobEvent): void;
  /** Leaves a job whose end the disk didn't take: it is ended when the disk takes writes again. Never throws. */
  leave(id: string): void;
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

/** The store with everything that core/jobs reads. It applies no rules of its own: those are in core/jobs. */
export interface JobRecords extends Omit<JobStore, 'leave'> {
  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  find(id: string): Job | null;
  list(filter: JobFilter): readonly Job[];
  /** Returns the jobs after this ID, in the order of their IDs; '' starts from the first one. */
  page(afterId: string, limit: number): readonly Job[];
  /** Oldest first. */
  events(id: string): readonly JobEvent[];
  count(filter: {
    readonly side: Job['side'];
    readonly states: readonly JobState[];
    readonly fromMs: number;
    /** Exclusive. */
    readonly toMs: number;
  }): number;
  /** Returns the sold jobs of a channel that were charged and are not marked `claimed` yet, in any end state. */
  unclaimed(channelId: string): readonly Job[];
  /** Returns the sold jobs that are marked `claimed` and not `settled`. */
  unsettled(assetId: string): readonly Job[];
  /** Marks the progress of a charged job's money, stored separately from its state, which may be `aborted` or `failed`. */
  markPaid(id: string, mark: 'claimed' | 'settled'): void;
}
