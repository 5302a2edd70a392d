/**
 * Keeps in memory that a job is being computed, until its next step is stored with it: nobody relies on it after a crash,
 * which ends the job, and it would cost each job a write of its own.
 */
import { assert } from '../../../shared/assert.ts';
import type { Job, JobEvent } from '../../../shared/jobs.ts';
import type { JobPatch } from '../../ports/jobs.ts';
import type { FoundJobs } from './job-pages.ts';
import { mayFollow } from './states.ts';

interface Begun {
  readonly patch: JobPatch;
  readonly events: readonly JobEvent[];
}

export interface RunningSteps {
  /** Keeps a step to `running` and returns the job after it; null for every other step. */
  begin(find: (id: string) => Job, id: string, patch: JobPatch, event: JobEvent | undefined): Job | null;
  kept(id: string): Begun | null;
  /** Forgets the step of a job, or of all jobs. */
  forget(id: string | null): void;
  applied(job: Job): Job;
  inPage(page: FoundJobs): FoundJobs;
  events(id: string): readonly JobEvent[];
}

export function createRunningSteps(): RunningSteps {
  const begun = new Map<string, Begun>();
  const applied = (job: Job): Job => ({ ...job, ...begun.get(job.id)?.patch });
  return {
    begin(find, id, patch, event) {
      if (patch.state !== 'running' || begun.has(id)) return null;
      const job = find(id);
      assert(mayFollow(job.state, 'running'), `job ${id} can't change from ${job.state} to running`);
      begun.set(id, { patch, events: event === undefined ? [] : [event] });
      return { ...job, ...patch };
    },
    kept: (id) => begun.get(id) ?? null,
    forget(id) {
      if (id === null) begun.clear();
      else begun.delete(id);
    },
    applied,
    inPage: ({ jobs, more }) => ({ jobs: jobs.map(applied), more }),
    events: (id) => begun.get(id)?.events ?? [],
  };
}
