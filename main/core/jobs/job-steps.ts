/** Writes the steps of jobs: each transition is checked, and its charge is recorded in the same transaction. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job, JobEvent, JobState } from '../../../shared/jobs.ts';
import type { JobPatch, JobRecords } from '../../ports/jobs.ts';
import type { Ledger } from '../ledger/index.ts';
import { mayFollow, UNFINISHED_STATES } from './states.ts';

export interface JobSteps {
  /** Returns the job. Fails with `not-found`. */
  find(id: string): Job;
  /** Writes a step and records its charge, all or nothing; returns the job after it. */
  write(id: string, step: JobStep): Job;
}

export interface JobStep {
  readonly patch: JobPatch;
  readonly events: readonly JobEvent[];
  /** Marks the progress of the job's money. */
  readonly paid?: 'claimed' | 'settled';
  /** The state before this step, if it is not the stored one. */
  readonly from?: JobState | undefined;
}

export function createJobSteps(records: JobRecords, ledger: Pick<Ledger, 'jobCharged'>): JobSteps {
  function find(id: string): Job {
    const job = records.find(id);
    if (job === null) throw new AppError('not-found', `Job "${id}" not found.`, { details: { id } });
    return job;
  }

  return {
    find,
    write: (id, { patch, events, paid, from }) =>
      records.transaction(() => {
        const before = from ?? find(id).state;
        const state = patch.state ?? before;
        assert(mayFollow(before, state), `job ${id} can't change from ${before} to ${state}`);
        const after = records.update(id, patch, events, paid);
        if (!UNFINISHED_STATES.includes(state)) ledger.jobCharged(after);
        return after;
      }),
  };
}
