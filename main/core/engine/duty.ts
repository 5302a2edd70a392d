/**
 * How much of the time the engine computes, and who may say so: serving gives jobs their share at any time, and a
 * measurement may hold another one for a while. What was given meanwhile comes into force when it ends, so that
 * neither has to know of the other.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Engine } from '../../ports/engine.ts';

export interface EngineDuty {
  /** What jobs are given from now on, in percent (1 to 100); waits while a measurement holds another share. */
  give(percent: number): void;
  /** What jobs are given, also while a measurement holds another share; at first 100. */
  given(): number;
  /** Holds the engine at `percent` until `work` has ended, however it ends. Fails with `busy` while one is held. */
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
      if (held !== null) throw new AppError('busy', 'The engine is being measured already.');
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
