/**
 * The one source for what the work takes beyond the idle machine: the power sensor, or the owner's own figure where no sensor
 * reports it. The energy of jobs and of days and the forecast rest on it.
 */
import type { Watts } from '../../../shared/forecast.ts';

export interface WorkWatts {
  /** While jobs run, on average; null while unknown. */
  mean(): Watts | null;
  /** At this moment, with a loaded engine; null while unknown. By the owner's figure, an engine without jobs takes nothing. */
  now(): Watts | null;
}

export function createWorkWatts(parts: {
  readonly sensor: { extra(): number | null; extraNow(): number | null };
  /** The owner's figure; null if none was entered. */
  readonly setting: () => number | null;
  readonly isWorking: () => boolean;
}): WorkWatts {
  const { sensor, setting, isWorking } = parts;
  const first = (measured: number | null, entered: number | null): Watts | null => {
    if (measured !== null) return { value: measured, source: 'sensor' };
    return entered === null ? null : { value: entered, source: 'setting' };
  };
  return {
    mean: () => first(sensor.extra(), setting()),
    now() {
      const entered = setting();
      return first(sensor.extraNow(), entered === null || isWorking() ? entered : 0);
    },
  };
}
