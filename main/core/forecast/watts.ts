/** Learns the power draw of the work beyond the idle machine, in watts, from samples of both states. */
import { z } from 'zod';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { EngineStatus } from '../../ports/engine.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface WattsMeter {
  /** Null until both states were sampled, or where no sensor reports power. */
  extra(): number | null;
  /** Draw at this moment beyond the resting machine's mean; null until that is known, or without a sensor. */
  extraNow(): number | null;
  stop(): void;
}

/** `between`: loaded and waiting, or just started; it counts as neither of the others. */
export type WattsState = 'working' | 'resting' | 'between';

const COLLECTION = 'watts';
const KEY = 'seen';
const SAMPLE_EVERY_MS = 30_000;
/** Weight of the newest sample: about fifty samples make the mean. */
const NEWEST = 0.02;

const meansSchema = z.object({ working: z.number().nullable(), resting: z.number().nullable() });

export function wattsStateOf(activeJobs: number, engine: EngineStatus['state']): WattsState {
  if (activeJobs > 0) return 'working';
  return engine === 'stopped' ? 'resting' : 'between';
}

export function createWattsMeter(parts: {
  readonly clock: Clock;
  readonly records: RecordStore;
  /** Power draw of the whole machine; null where no sensor reports it. */
  readonly watts: () => number | null;
  readonly state: () => WattsState;
}): WattsMeter {
  const { clock, records, watts, state } = parts;
  const stored = records.get(COLLECTION, KEY);
  let means = stored === null ? { working: null, resting: null } : meansSchema.parse(JSON.parse(stored));
  const timer: Timer = clock.every(SAMPLE_EVERY_MS, () => {
    const now = watts();
    const current = state();
    if (now === null || current === 'between') return;
    const before = means[current];
    means = { ...means, [current]: before === null ? now : before + (now - before) * NEWEST };
    records.set(COLLECTION, KEY, JSON.stringify(means));
  });
  return {
    extra() {
      const { working, resting } = means;
      return working === null || resting === null ? null : Math.max(0, working - resting);
    },
    extraNow() {
      const now = watts();
      return now === null || means.resting === null ? null : Math.max(0, now - means.resting);
    },
    stop: () => timer.cancel(),
  };
}
