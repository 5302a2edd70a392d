/** Writes the steps of jobs: each transition is checked, and its charge is recorded in the same transaction. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job, JobEvent } from '../../../shared/jobs.ts';
import type { JobPatch, JobRecords } from '../../ports/jobs.ts';
import type { Ledger } from '../ledger/index.ts';
import { mayFollow, UNFINISHED_STATES } from './states.ts';

export interface JobSteps {
  /** Returns the job. Fails with `not-found`. */
  find(id: string): Job;
  /** Writes a step and records its charge, all or nothing; returns the job after it. */
  write(id: string, patch: JobPatch, event?: JobEvent, paid?: 'claimed' | 'settled'): Job;
}

export function createJobSteps(records: JobRecords, ledger: Pick<Ledger, 'jobCharged'>): JobSteps {
  function find(id: string): Job {
    const job = records.find(id);
    if (job === null) throw new AppError('not-found', `Job "${id}" not found.`, { details: { id } });
    return job;
  }

  return {
    find,
    write: (id, patch, event, paid) =>
      records.transaction(() => {
        const before = find(id);
        const state = patch.state ?? before.state;
        assert(mayFollow(before.state, state), `job ${id} can't change from ${before.state} to ${state}`);
        const after = records.update(id, patch, event, paid);
        if (!UNFINISHED_STATES.includes(state)) ledger.jobCharged(after);
        return after;
      }),
  };
}
