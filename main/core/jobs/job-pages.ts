/** Reads jobs a page at a time, newest first. */
import type { Job } from '../../../shared/jobs.ts';
import type { JobFilter, JobRecords } from '../../ports/jobs.ts';
import { FAILED_STATES, SERVED_STATES } from './states.ts';

export interface JobPage {
  readonly side?: Job['side'] | undefined;
  readonly outcome: 'all' | 'served' | 'failed';
  /** Creation time of the last job of the previous page. */
  readonly beforeMs?: number | undefined;
  readonly limit: number;
  readonly model?: string | undefined;
  readonly search?: string | undefined;
}

/** Newest first. It may be shorter than the limit even if there are more. */
export interface FoundJobs {
  readonly jobs: readonly Job[];
  readonly more: boolean;
}

/** Implements {@link Jobs.list} on the stored jobs. */
export function listJobs(
  records: Pick<JobRecords, 'list'>,
  { side, outcome, beforeMs, limit, model, search }: JobPage,
): FoundJobs {
  const filter: JobFilter = {
    side: side ?? null,
    states: outcome === 'all' ? null : outcome === 'served' ? SERVED_STATES : FAILED_STATES,
    beforeMs: beforeMs ?? null,
    limit: limit + 1,
    model,
    search,
  };
  const found = records.list(filter);
  const next = found[limit];
  if (next === undefined) return { jobs: found, more: false };
  const page = found.slice(0, limit);
  // The next page begins before this one's last time: jobs of that same millisecond belong together.
  const whole = page.filter((job) => job.createdAtMs > next.createdAtMs);
  return { jobs: whole.length > 0 ? whole : page, more: true };
}
