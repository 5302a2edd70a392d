/** Summarizes the wait for a first token in this machine's purchases, by model. Pure. */
import type { Job } from '../../../shared/jobs.ts';
import { median } from '../../../shared/statistics.ts';

export interface FirstToken {
  /** Median from the request to the first token; null without a job that had one. */
  readonly ms: number | null;
  /** Jobs that it rests on. */
  readonly jobs: number;
}

/** A job whose clock was set back while it waited is left out. */
export function firstTokenOf(
  jobs: readonly Pick<Job, 'model' | 'createdAtMs' | 'firstTokenAtMs'>[],
  model: string,
): FirstToken {
  const waits = jobs
    .filter((job) => job.model === model)
    .flatMap(({ createdAtMs, firstTokenAtMs }) =>
      firstTokenAtMs === null ? [] : [firstTokenAtMs - createdAtMs],
    )
    .filter((ms) => ms >= 0);
  return { ms: median(waits), jobs: waits.length };
}
