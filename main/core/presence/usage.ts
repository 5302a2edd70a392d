/** For how long the machine was ours, by local day: what an hour brings, and what a forecast rests on. */
import { z } from 'zod';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';

export interface DayUsage {
  /** `YYYY-MM-DD`, local. */
  readonly day: string;
  /** For how long Idlewatt was there to see. */
  readonly seenMs: number;
  /** For how long of it we were allowed to work. */
  readonly freeMs: number;
}

export interface Usage {
  /** Days on which Idlewatt ran, oldest first, of the last so many days. */
  days(count: number): readonly DayUsage[];
  /** Counts up to now, e.g. before the decision changes. */
  count(): void;
  stop(): void;
}

const COLLECTION = 'usage';
const COUNT_EVERY_MS = 60_000;
/** A longer gap was a sleep or a clock that was set: nobody saw it. */
const GAP_MS_MAX = 3 * COUNT_EVERY_MS;
const DAY_MS = 86_400_000;

const usageSchema = z.object({ seenMs: z.number().nonnegative(), freeMs: z.number().nonnegative() });

export function createUsage(parts: {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** Whether we are allowed to work; the state since the last call of `count`. */
  readonly isFree: () => boolean;
}): Usage {
  const { clock, calendar, records, isFree } = parts;
  let countedMs = clock.monotonic();
  /** Counted and not yet written: a change of the decision does not wait for the disk. */
  const pending = new Map<string, { seenMs: number; freeMs: number }>();
  const timer: Timer = clock.every(COUNT_EVERY_MS, write);

  return {
    days(days) {
      write();
      const nowMs = clock.now();
      const wanted = new Set(Array.from({ length: days }, (_, back) => calendar.day(nowMs - back * DAY_MS)));
      return [...wanted].sort().flatMap((day) => {
        const usage = read(day);
        return usage === null ? [] : [{ day, ...usage }];
      });
    },
    count,
    stop() {
      write();
      timer.cancel();
    },
  };

  function count(): void {
    const nowMs = clock.monotonic();
    const passedMs = nowMs - countedMs;
    countedMs = nowMs;
    if (passedMs <= 0 || passedMs > GAP_MS_MAX) return;
    // On the day on which it began.
    const day = calendar.day(clock.now() - passedMs);
    const before = pending.get(day) ?? { seenMs: 0, freeMs: 0 };
    pending.set(day, {
      seenMs: before.seenMs + passedMs,
      freeMs: before.freeMs + (isFree() ? passedMs : 0),
    });
  }

  function write(): void {
    count();
    for (const [day, { seenMs, freeMs }] of pending) {
      const before = read(day) ?? { seenMs: 0, freeMs: 0 };
      records.set(
        COLLECTION,
        day,
        JSON.stringify({ seenMs: before.seenMs + seenMs, freeMs: before.freeMs + freeMs }),
      );
    }
    pending.clear();
  }

  function read(day: string): { seenMs: number; freeMs: number } | null {
    const text = records.get(COLLECTION, day);
    return text === null ? null : usageSchema.parse(JSON.parse(text));
  }
}
