/** Counts per local day how long Idlewatt was allowed to work; hourly averages and forecasts are based on it. */
import { z } from 'zod';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';

export interface DayUsage {
  /** `YYYY-MM-DD`, local. */
  readonly day: string;
  /** Time during which Idlewatt was running. */
  readonly seenMs: number;
  /** Part of it during which Idlewatt was allowed to work. */
  readonly freeMs: number;
}

export interface Usage {
  /** Returns those of the last `count` days on which Idlewatt ran, oldest first. */
  days(count: number): readonly DayUsage[];
  /** Counts the time up to now; call it before the decision changes. */
  count(): void;
  stop(): void;
}

const COLLECTION = 'usage';
const COUNT_EVERY_MS = 60_000;
/** A longer gap means that the machine slept or its clock was set: it isn't counted. */
const GAP_MS_MAX = 3 * COUNT_EVERY_MS;
const DAY_MS = 86_400_000;

const usageSchema = z.object({ seenMs: z.number().nonnegative(), freeMs: z.number().nonnegative() });

export function createUsage(parts: {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** Returns true if Idlewatt is allowed to work: the state since the last call of `count`. */
  readonly isFree: () => boolean;
}): Usage {
  const { clock, calendar, records, isFree } = parts;
  let countedMs = clock.monotonic();
  /** Counted and not yet written, so that a change of the decision doesn't wait for the disk. */
  const pending = new Map<string, { seenMs: number; freeMs: number }>();
  const timer: Timer = clock.every(COUNT_EVERY_MS, write);

  return {
    days(days) {
      count();
      const nowMs = clock.now();
      const wanted = new Set(Array.from({ length: days }, (_, back) => calendar.day(nowMs - back * DAY_MS)));
      return [...wanted].sort().flatMap((day) => {
        const usage = total(day);
        return usage === null ? [] : [{ day, ...usage }];
      });
    },
    count,
    stop() {
      timer.cancel();
      write();
    },
  };

  function count(): void {
    const nowMs = clock.monotonic();
    const passedMs = nowMs - countedMs;
    countedMs = nowMs;
    if (passedMs <= 0 || passedMs > GAP_MS_MAX) return;
    // Counts on the day on which the interval began.
    const day = calendar.day(clock.now() - passedMs);
    const before = pending.get(day) ?? { seenMs: 0, freeMs: 0 };
    pending.set(day, {
      seenMs: before.seenMs + passedMs,
      freeMs: before.freeMs + (isFree() ? passedMs : 0),
    });
  }

  function write(): void {
    count();
    for (const day of [...pending.keys()]) {
      records.set(COLLECTION, day, JSON.stringify(total(day)));
      // One at a time: what a full disk doesn't take is counted with the next write.
      pending.delete(day);
    }
  }

  /** Returns what was stored and what is still to be stored; null for a day on which Idlewatt didn't run. */
  function total(day: string): { seenMs: number; freeMs: number } | null {
    const [stored, added] = [read(day), pending.get(day)];
    if (stored === null || added === undefined) return stored ?? added ?? null;
    return { seenMs: stored.seenMs + added.seenMs, freeMs: stored.freeMs + added.freeMs };
  }

  function read(day: string): { seenMs: number; freeMs: number } | null {
    const text = records.get(COLLECTION, day);
    return text === null ? null : usageSchema.parse(JSON.parse(text));
  }
}
