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
  const append = (id: string, event: JobEvent | undefined) => {
    if (event !== undefined) events.set(id, [...(events.get(id) ?? []), event]);
  };
  return {
    left,
    leave: (id) => void left.push(id),
    insert(job, event) {
      if (jobs.has(job.id)) throw new Error('inserted twice');
      jobs.set(job.id, { ...job });
      append(job.id, event);
    },
    update(id, patch, event) {
      const job = jobs.get(id);
      if (!job) throw new AppError('not-found', `Job "${id}" not found.`);
      const next = { ...job, ...patch };
      jobs.set(id, next);
      append(id, event);
      return next;
    },
    durable: async () => undefined,
    all: () => [...jobs.values()],
    states: (id) => (events.get(id) ?? []).map((event) => event.state),
  };
}
