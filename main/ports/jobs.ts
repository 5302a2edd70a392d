/** Port for the storage of jobs: provider and gateway write each step, other modules read. */
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';

/** The fields of a job that may change after it was inserted. */
export type JobPatch = Partial<Omit<Job, 'id' | 'side' | 'createdAtMs'>>;

/**
 * Each call is visible when it returns, and on disk after {@link JobStore.durable}; nobody may rely on it earlier.
 * The caller creates the IDs, which are unique over both sides, and passes an event for each state that it sets,
 * including the first one.
 */
export interface JobStore {
  insert(job: Job, event?: JobEvent): void;
  /** Returns the job after the change. Fails with `not-found` for an ID that was never inserted. */
  update(id: string, patch: JobPatch, event?: JobEvent): Job;
  /**
   * Resolves when every step so far is on disk, with what was recorded of its payment. Rejects if the disk takes nothing:
   * then the steps since the last call that resolved may be undone.
   */
  durable(): Promise<void>;
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

/** The store that core/jobs reads and writes; each call is on disk when it returns. Its rules are in core/jobs. */
export interface JobRecords extends Pick<JobStore, 'insert'> {
  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /**
   * Returns the job after the change. Fails with `not-found`. With `paid`, also marks the progress of a charged job's
   * money, stored separately from its state, which may be `aborted` or `failed`.
   */
  update(id: string, patch: JobPatch, events: readonly JobEvent[], paid?: 'claimed' | 'settled'): Job;
  find(id: string): Job | null;
  list(filter: JobFilter): readonly Job[];
  /** Returns the jobs after this ID, in the order of their IDs as stored; '' starts from the first one. */
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
  /** Returns the sold jobs of a channel that ended, were charged and aren't marked `claimed` yet, oldest first. */
  unclaimed(channelId: string): readonly Job[];
  /** Returns the sold jobs that are marked `claimed` and not `settled`. */
  unsettled(assetId: string): readonly Job[];
}
