/**
 * Arbitrates the engine between jobs and measurements. Serving sets the share for jobs at any time; a measurement may
 * override it for a while, but never while a job runs: a buyer must not wait for a measurement. A share that is set
 * meanwhile applies when the measurement ends, so that neither side depends on the other.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Engine } from '../../ports/engine.ts';

export interface EngineDuty {
  /** Sets the share for jobs in percent (1 to 100); deferred while a measurement overrides it. */
  give(percent: number): void;
  /** Share for jobs in percent, even while a measurement overrides it; initially 100. */
  given(): number;
  /** Overrides the share with `percent` until `work` settles. Fails with `busy` while another override is active. */
  during<T>(percent: number, work: () => Promise<T>): Promise<T>;
  /** Sets the number of jobs in progress; initially 0. */
  setJobs(count: number): void;
  /** Aborts when a job begins; aborted already while there are jobs. */
  jobBegins(): AbortSignal;
  /** Resolves as soon as there are no jobs, or when the signal aborts. */
  quiet(signal: AbortSignal): Promise<void>;
}

export function createEngineDuty(engine: Pick<Engine, 'setDuty'>): EngineDuty {
  let given = 100;
  let held: number | null = null;
  let jobs = 0;
  let beginning = new AbortController();
  const quietListeners = new Set<() => void>();
  const apply = () => engine.setDuty(jobs > 0 ? given : (held ?? given));

  function setJobs(count: number): void {
    const wasQuiet = jobs === 0;
    jobs = count;
    if (wasQuiet === (count === 0)) return;
    if (count > 0) beginning.abort();
    else {
      beginning = new AbortController();
      for (const listener of [...quietListeners]) listener();
    }
    if (held !== null) apply();
  }

  return {
    give(percent) {
      given = percent;
      apply();
    },
    given: () => given,
    async during(percent, work) {
      if (held !== null) throw new AppError('busy', 'A measurement of the engine is already running.');
      held = percent;
      apply();
      try {
        return await work();
      } finally {
        held = null;
        apply();
      }
    },
    setJobs,
    jobBegins: () => beginning.signal,
    quiet(signal) {
      if (jobs === 0 || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          quietListeners.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        quietListeners.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    },
  };
}
