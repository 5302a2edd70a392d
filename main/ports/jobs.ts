/** Port for the storage of jobs: provider and gateway write each step, other modules read. */
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';
import type { Amount } from '../../shared/money.ts';

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
  /** Leaves a job whose end the disk didn't take: it is ended when the disk takes writes again. Never throws. */
  leave(id: string): void;
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
  /** Only jobs of this model. With it or `search`, shared/job-search.ts limits how many are looked at. */
  readonly model?: string | undefined;
  /** Only jobs whose model, buyer or provider contains this text in any case, or that have it as their ID. */
  readonly search?: string | undefined;
}

/** The store that core/jobs reads and writes; each call is on disk when it returns. Its rules are in core/jobs. */
export interface JobRecords extends Pick<JobStore, 'insert'> {
  /** Inserts a job that has ended, with its whole timeline: for benchmarks and tests. */
  insertEnded(job: Job, events: readonly JobEvent[], paid: 'no' | 'claimed' | 'settled'): void;
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
  /** Folded jobs count by the beginning of their day. */
  count(filter: {
    readonly side: Job['side'];
    readonly states: readonly JobState[];
    readonly fromMs: number;
    /** Exclusive. */
    readonly toMs: number;
  }): number;
  /**
   * Folds up to `limit` of the oldest jobs created before a time into daily sums (days in UTC), all or nothing: their
   * rows with timelines and receipts go. Only jobs whose money is settled, and which the ledger has. Returns their number.
   */
  fold(createdBeforeMs: number, limit: number): number;
  /** Sums of all folded jobs. */
  folded(): readonly FoldedJobs[];
  /** Returns the creation times of the newest job of a side and of its oldest one in progress; null without any. */
  bounds(side: Job['side']): { readonly newestMs: number | null; readonly oldestUnfinishedMs: number | null };
  /**
   * Returns up to `limit` of the sold jobs of a channel that ended, were charged, and aren't marked `claimed` yet: those
   * whose cumulative amount is at most `claimedTotal`.
   */
  unclaimed(channelId: string, claimedTotal: Amount, limit: number): readonly Job[];
  /** Returns up to `limit` of the sold jobs that are marked `claimed` and not `settled`. */
  unsettled(assetId: string, limit: number): readonly Job[];
}

/** Sums of the folded jobs of one side, model, peer and asset. */
export interface FoldedJobs {
  readonly side: Job['side'];
  readonly model: string;
  readonly peer: string;
  /** Null for jobs that never had one. */
  readonly assetId: string | null;
  readonly jobs: number;
  /** Those with a ledger entry, and the sum of their charges. */
  readonly chargedJobs: number;
  readonly charged: Amount;
}
