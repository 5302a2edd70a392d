/**
 * Arbitrates the engine's duty cycle between jobs and measurements. Serving sets the share for jobs at any time;
 * a measurement may override it for a while. A share that is set meanwhile applies when the measurement ends, so
 * that neither side depends on the other.
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
}

export function createEngineDuty(engine: Pick<Engine, 'setDuty'>): EngineDuty {
  let given = 100;
  let held: number | null = null;
  const apply = () => engine.setDuty(held ?? given);
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
  };
}
