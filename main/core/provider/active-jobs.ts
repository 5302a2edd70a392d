/** The jobs in progress: listed for the owner, and ended together when the owner needs the machine. */
import type { Clock } from '../../ports/clock.ts';
import type { SoldJob } from './sold-job.ts';

export interface ActiveJob {
  readonly id: string;
  readonly model: string;
  readonly requester: string;
  readonly startedAtMs: number;
  readonly outputTokens: number;
  /** Null until the engine has reported it. */
  readonly inputTokens: number | null;
  /** Output at which the job ends at the latest. */
  readonly maxTokens: number;
  /** Charge so far, in base units; null until the prompt is counted. */
  readonly charge: string | null;
  readonly tokensPerSecond: number | null;
}

/** A job as the list of those in progress reads it. */
export type RunningJob = Pick<
  SoldJob,
  'id' | 'peer' | 'model' | 'startedAtMs' | 'outputTokens' | 'inputTokens' | 'chargeSoFar' | 'tokensPerSecond'
>;

export interface ActiveJobs {
  list(): readonly ActiveJob[];
  /** Adds a job, which `abort` ends; returns the function that removes it when it is concluded. */
  add(job: RunningJob, maxTokens: number, abort: AbortController): () => void;
  /** Reports a change of the list or of its tokens. */
  changed(): void;
  /** Ends every job now; resolves when all are concluded. */
  handBack(): Promise<void>;
  /** Resolves when all current jobs have ended, or after this time; rejects if the signal aborts. */
  settled(graceMs: number, signal?: AbortSignal): Promise<void>;
}

interface Running {
  readonly job: RunningJob;
  readonly maxTokens: number;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

export function createActiveJobs(clock: Clock, onActive: () => void): ActiveJobs {
  const running = new Map<string, Running>();

  function list(): readonly ActiveJob[] {
    return [...running.values()].map(({ job, maxTokens }) => ({
      id: job.id,
      model: job.model,
      requester: job.peer,
      startedAtMs: job.startedAtMs,
      outputTokens: job.outputTokens(),
      inputTokens: job.inputTokens(),
      maxTokens,
      charge: job.chargeSoFar()?.toString() ?? null,
      tokensPerSecond: job.tokensPerSecond(),
    }));
  }
  return {
    list,
    add(job, maxTokens, abort) {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      running.set(job.id, { job, maxTokens, abort, ended });
      return () => {
        running.delete(job.id);
        onActive();
        resolve();
      };
    },
    changed: onActive,
    async handBack() {
      const all = [...running.values()];
      for (const { abort } of all) if (!abort.signal.aborted) abort.abort('owner');
      await Promise.all(all.map(({ ended }) => ended));
    },
    async settled(graceMs, signal) {
      const { promise: late, resolve, reject } = Promise.withResolvers<void>();
      const timer = clock.after(graceMs, resolve);
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        await Promise.race([late, Promise.all([...running.values()].map(({ ended }) => ended))]);
      } finally {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
      }
    },
  };
}
