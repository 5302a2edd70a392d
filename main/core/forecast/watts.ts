/** What the work takes beyond the idle machine, in watts, learnt while it works and while it rests. */
import { z } from 'zod';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface WattsMeter {
  /** Null until both were seen, or where no sensor tells. */
  extra(): number | null;
  stop(): void;
}

const COLLECTION = 'watts';
const KEY = 'seen';
const LOOK_EVERY_MS = 30_000;
/** Weight of the newest look: some fifty of them make the mean. */
const NEWEST = 0.02;

const seenSchema = z.object({ working: z.number().nullable(), resting: z.number().nullable() });

export function createWattsMeter(parts: {
  readonly clock: Clock;
  readonly records: RecordStore;
  /** Of the whole machine; null where no sensor tells. */
  readonly watts: () => number | null;
  /** `between`: loaded and waiting, or just begun, which is neither. */
  readonly state: () => 'working' | 'resting' | 'between';
}): WattsMeter {
  const { clock, records, watts, state } = parts;
  const kept = records.get(COLLECTION, KEY);
  let seen = kept === null ? { working: null, resting: null } : seenSchema.parse(JSON.parse(kept));
  const timer: Timer = clock.every(LOOK_EVERY_MS, () => {
    const now = watts();
    const doing = state();
    if (now === null || doing === 'between') return;
    const before = seen[doing];
    seen = { ...seen, [doing]: before === null ? now : before + (now - before) * NEWEST };
    records.set(COLLECTION, KEY, JSON.stringify(seen));
  });
  return {
    extra() {
      const { working, resting } = seen;
      return working === null || resting === null ? null : Math.max(0, working - resting);
    },
    stop: () => timer.cancel(),
  };
}
