/**
 * Counts by local hour what the machine did: worked, was ready, waited, or was paused. Pages show today; the forecast rests
 * on the days before.
 */
import { z } from 'zod';
import { type Doing, doingSchema } from '../../../shared/doings.ts';
import type { Presence, PresenceReason } from '../../../shared/presence.ts';
import type { WeekHour } from '../../../shared/week.ts';
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

/** One hour of an earlier day. */
export interface PastHour extends WeekHour {
  /** Start of its local day. */
  readonly dayMs: number;
  /** Time in which Idlewatt could work, with and without jobs. */
  readonly freeMs: number;
  /** Part of it with jobs. */
  readonly busyMs: number;
}

export interface Doings {
  /** The hours of the local day, 23 to 25, the coming ones included. */
  today(): readonly DoneHour[];
  /**
   * The hours of the last {@link PAST_DAYS} days before today, oldest first. Days without Idlewatt are left out, and so is the
   * first one unless it was counted from its beginning.
   */
  past(): readonly PastHour[];
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
const DAY_MS = 24 * HOUR_MS;
/** Four of each weekday. */
export const PAST_DAYS = 28;

/** Time of each kind, by the start of the hour. */
const daySchema = z.record(z.string(), z.partialRecord(doingSchema, z.number().nonnegative()));
type Day = z.infer<typeof daySchema>;

/** Reasons for which nothing could run: neither the owner's use of the machine nor a pause. */
const NOTHING_TO_RUN: ReadonlySet<PresenceReason> = new Set([
  'starting',
  'no-model',
  'engine-gave-up',
  'unconfined',
  'processor-off',
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

interface DoingsParts {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** Returns the current kind. */
  readonly doing: () => Doing | null;
}

export function createDoings({ clock, calendar, records, doing }: DoingsParts): Doings {
  const stored = createStoredDays(calendar, records);
  let countedMs = clock.monotonic();
  let startMs = 0;
  let endMs = 0;
  let day: Day = {};
  let past: readonly PastHour[] | null = null;
  enterDay(clock.now());
  const timers: readonly Timer[] = [clock.every(COUNT_EVERY_MS, count), clock.every(WRITE_EVERY_MS, write)];

  return {
    today() {
      count();
      return hoursOf(startMs, endMs).map(({ fromMs, toMs }) => ({
        ...{ fromMs, toMs },
        did: longestOf(day[String(fromMs)]),
      }));
    },
    past() {
      count();
      past ??= stored.before(startMs);
      return past;
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
    if (atMs < startMs || atMs >= endMs) {
      stored.write(startMs, day);
      enterDay(atMs);
    }
    const did = doing();
    if (did === null || passedMs <= 0 || passedMs > GAP_MS_MAX) return;
    // The intervals are short; one that spans two hours counts in that of its middle.
    const hourMs = startMs + Math.floor((atMs - passedMs / 2 - startMs) / HOUR_MS) * HOUR_MS;
    const key = String(Math.max(startMs, hourMs));
    day = { ...day, [key]: { ...day[key], [did]: (day[key]?.[did] ?? 0) + passedMs } };
  }

  function enterDay(atMs: number): void {
    startMs = calendar.startOfDay(atMs);
    endMs = calendar.startOfNextDay(startMs);
    day = stored.read(startMs);
    past = null;
    stored.dropOld(startMs);
  }

  function write(): void {
    count();
    stored.write(startMs, day);
  }
}

/** The counted days on disk, each under the start of its local day. */
function createStoredDays(calendar: Calendar, records: RecordStore) {
  const read = (dayMs: number): Day => {
    const text = records.get(COLLECTION, String(dayMs));
    return text === null ? {} : daySchema.parse(JSON.parse(text));
  };
  return {
    read,
    /** A day without Idlewatt leaves no record. */
    write(dayMs: number, day: Day): void {
      if (Object.keys(day).length > 0) records.set(COLLECTION, String(dayMs), JSON.stringify(day));
    },
    /** Days after today, which a clock that was set ahead left behind, go as well. */
    dropOld(todayMs: number): void {
      const oldestMs = calendar.startOfDay(todayMs - PAST_DAYS * DAY_MS);
      for (const { key } of records.list(COLLECTION)) {
        if (Number(key) < oldestMs || Number(key) > todayMs) records.delete(COLLECTION, key);
      }
    },
    before(todayMs: number): readonly PastHour[] {
      const days = records
        .list(COLLECTION)
        .map(({ key }) => Number(key))
        .filter((dayMs) => dayMs < todayMs)
        .sort((left, right) => left - right);
      return days.flatMap((dayMs, index) => {
        const day = read(dayMs);
        // What the machine would have done before Idlewatt was there is unknown.
        if (index === 0 && day[String(dayMs)] === undefined) return [];
        return hoursOf(dayMs, calendar.startOfNextDay(dayMs)).map(({ fromMs }) => {
          const { working = 0, ready = 0 } = day[String(fromMs)] ?? {};
          return { dayMs, ...calendar.wall(fromMs), freeMs: working + ready, busyMs: working };
        });
      });
    },
  };
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
