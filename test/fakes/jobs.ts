/** A job store in memory that records every step. */
import type { JobStore } from '../../main/ports/jobs.ts';
import { AppError } from '../../shared/errors.ts';
import type { Job, JobEvent } from '../../shared/jobs.ts';

export interface FakeJobs extends JobStore {
  all(): readonly Job[];
  states(id: string): readonly string[];
  /** Jobs whose end could not be recorded. */
  readonly left: readonly string[];
}

export function createFakeJobs(): FakeJobs {
  const jobs = new Map<string, Job>();
  const left: string[] = [];
  const events = new Map<string, JobEvent[]>();
  return {
    left,
    leave: (id) => void left.push(id),
    insert(job) {
      if (jobs.has(job.id)) throw new Error('inserted twice');
      jobs.set(job.id, { ...job });
    },
    update(id, patch) {
      const job = jobs.get(id);
      if (!job) throw new AppError('not-found', `Job "${id}" not found.`);
      jobs.set(id, { ...job, ...patch });
    },
    appendEvent(id, event) {
      events.set(id, [...(events.get(id) ?? []), event]);
    },
    all: () => [...jobs.values()],
    states: (id) => (events.get(id) ?? []).map((event) => event.state),
  };
}
