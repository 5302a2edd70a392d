/** The stored record of one job while it runs: inserted when admitted, each later step written with its event. */
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobStore } from '../../ports/jobs.ts';
import { newJobId } from './id.ts';

/** The fields that are known when a job is admitted. */
export type NewJob = Pick<
  Job,
  'side' | 'model' | 'peer' | 'payer' | 'channelId' | 'assetId' | 'continues' | 'apiKey'
>;

export interface JobRecord {
  /** The job as stored now. */
  job(): Job;
  /** Stores the patch, the state and an event with the note. */
  step(state: JobState, patch: Partial<Job>, note?: string | null): void;
}

/** Stores a new job as `admitted`; `note` is that of its first step. */
export function recordJob(
  { clock, jobs }: { readonly clock: Clock; readonly jobs: JobStore },
  known: NewJob,
  note: string | null = null,
): JobRecord {
  const createdAtMs = clock.now();
  let job: Job = {
    id: newJobId(createdAtMs),
    state: 'admitted',
    createdAtMs,
    startedAtMs: null,
    firstTokenAtMs: null,
    endedAtMs: null,
    inputTokens: null,
    outputTokens: null,
    decodeTokensPerSecond: null,
    charged: null,
    cumulative: null,
    receipt: null,
    finishReason: null,
    error: null,
    continuedBy: null,
    ...known,
  };
  jobs.insert(job, { atMs: createdAtMs, state: 'admitted', note });
  return {
    job: () => job,
    step(state, patch, note = null) {
      jobs.update(job.id, { ...patch, state }, { atMs: clock.now(), state, note });
      // Only what was taken: whoever ends the job has to know that it isn't ended yet.
      job = { ...job, ...patch, state };
    },
  };
}

/**
 * Tokens per second of the decode phase; null when it can't be computed. The first token comes out of the prefill
 * and doesn't count.
 */
export function decodeSpeed(outputTokens: number, decodeMs: number): number | null {
  return outputTokens > 1 && decodeMs > 0 ? ((outputTokens - 1) * 1_000) / decodeMs : null;
}
