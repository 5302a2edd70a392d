/** Counts by local hour what the machine did, for the strip of today: worked, was ready, waited, or was paused. */
import { z } from 'zod';
import { type Doing, doingSchema } from '../../../shared/doings.ts';
import type { Presence, PresenceReason } from '../../../shared/presence.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';

export type { Doing } from '../../../shared/doings.ts';

export interface DoneHour {
  readonly fromMs: number;
  readonly toMs: number;
  /** The kind that took most of the hour so far; null if Idlewatt didn't run, or had nothing to run with. */
  readonly did: Doing | null;
}

export interface Doings {
  /** The hours of the local day, 23 to 25, the coming ones included. */
  today(): readonly DoneHour[];
  /** Counts the time up to now as what the machine does now; a timer calls it every few seconds. */
  count(): void;
  stop(): void;
}

const COLLECTION = 'doings';
/** Most jobs take seconds. */
const COUNT_EVERY_MS = 5_000;
const WRITE_EVERY_MS = 60_000;
/** A longer gap means that the machine slept or its clock was set: it isn't counted. */
const GAP_MS_MAX = 3 * WRITE_EVERY_MS;
const HOUR_MS = 3_600_000;

/** Time of each kind, by the start of the hour. */
const daySchema = z.record(z.string(), z.partialRecord(doingSchema, z.number().nonnegative()));
type Day = z.infer<typeof daySchema>;

/** Reasons for which nothing could run: neither the owner's use of the machine nor a pause. */
const NOTHING_TO_RUN: ReadonlySet<PresenceReason> = new Set([
  'starting',
  'no-model',
  'engine-gave-up',
  'unconfined',
  'disk-full',
  'disk-unwritable',
  'database-lost',
  'database-damaged',
]);

/** Names what the machine does; null if there is nothing to run. */
export function doingOf({ decision, reason }: Presence, activeJobs: number): Doing | null {
  if (decision !== 'pause') return activeJobs > 0 ? 'working' : 'ready';
  if (reason === 'paused-by-owner') return 'paused';
  return NOTHING_TO_RUN.has(reason) ? null : 'waiting';
}

export function createDoings(parts: {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** Returns the current kind. */
  readonly doing: () => Doing | null;
}): Doings {
  const { clock, calendar, records, doing } = parts;
  let countedMs = clock.monotonic();
  let startMs = calendar.startOfDay(clock.now());
  let day: Day = read(startMs);
  const timers: readonly Timer[] = [clock.every(COUNT_EVERY_MS, count), clock.every(WRITE_EVERY_MS, write)];

  return {
    today() {
      count();
      return hoursOf(startMs, calendar.startOfNextDay(startMs)).map(({ fromMs, toMs }) => ({
        ...{ fromMs, toMs },
        did: longestOf(day[String(fromMs)]),
      }));
    },
    count,
    stop() {
      for (const timer of timers) timer.cancel();
      write();
    },
  };

  function count(): void {
    const [nowMs, atMs] = [clock.monotonic(), clock.now()];
    const passedMs = nowMs - countedMs;
    countedMs = nowMs;
    if (atMs < startMs || atMs >= calendar.startOfNextDay(startMs)) {
      startMs = calendar.startOfDay(atMs);
      day = read(startMs);
    }
    const did = doing();
    if (did === null || passedMs <= 0 || passedMs > GAP_MS_MAX) return;
    // The intervals are short; one that spans two hours counts in that of its middle.
    const hourMs = startMs + Math.floor((atMs - passedMs / 2 - startMs) / HOUR_MS) * HOUR_MS;
    const key = String(Math.max(startMs, hourMs));
    day = { ...day, [key]: { ...day[key], [did]: (day[key]?.[did] ?? 0) + passedMs } };
  }

  function write(): void {
    count();
    records.set(COLLECTION, String(startMs), JSON.stringify(day));
    for (const { key } of records.list(COLLECTION)) {
      if (key !== String(startMs)) records.delete(COLLECTION, key);
    }
  }

  function read(fromMs: number): Day {
    const text = records.get(COLLECTION, String(fromMs));
    return text === null ? {} : daySchema.parse(JSON.parse(text));
  }
}

/** The hours from the start of a day to the start of the next one. */
export function hoursOf(startMs: number, endMs: number): { fromMs: number; toMs: number }[] {
  const hours: { fromMs: number; toMs: number }[] = [];
  for (let fromMs = startMs; fromMs < endMs; fromMs += HOUR_MS) {
    hours.push({ fromMs, toMs: Math.min(endMs, fromMs + HOUR_MS) });
  }
  return hours;
}

function longestOf(times: Day[string] | undefined): Doing | null {
  let longest: Doing | null = null;
  for (const did of doingSchema.options) {
    const ms = times?.[did] ?? 0;
    if (ms > 0 && (longest === null || ms > (times?.[longest] ?? 0))) longest = did;
  }
  return longest;
}
