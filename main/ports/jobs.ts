/** Where jobs are kept, as the provider and the gateway see it: written at each step, read by others. */
import type { Job, JobEvent } from '../../shared/jobs.ts';

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
