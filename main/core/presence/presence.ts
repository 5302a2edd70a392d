/** Keeps the decision current as readings, settings, the owner's pause and time change. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { assertNever } from '../../../shared/assert.ts';
import type {
  PauseUntil,
  Presence,
  SchedulePreview,
  StartFor,
  StorageFault,
  Stretch,
} from '../../../shared/presence.ts';
import type { PartialReadings, Readings } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MachineLock } from '../../ports/machine-lock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import { type Availability, decide, type Pause, type PresenceSettings } from './decide.ts';
import { createNextOn, type WindowSettings } from './hours.ts';
import { createLatestReadings } from './latest-readings.ts';
import { tomorrowMorning } from './morning.ts';
import { createOwnerStart } from './owner-start.ts';
import { previewSchedule } from './schedule-preview.ts';
import { decideOnSharedMachine } from './shared-machine.ts';

export interface PresenceService {
  current(): Presence;
  /** Pauses by the owner's request; survives restarts. */
  pause(until: PauseUntil): Presence;
  resume(): Presence;
  /** Runs for a time although the owner uses the machine, and ends their pause; survives restarts. */
  startNow(duration: StartFor): Presence;
  /** Ends that time early. */
  endStart(): Presence;
  /** Takes readings of one source about the machine and its owner. */
  report(readings: PartialReadings): void;
  /** Returns the current readings, merged over all sources. */
  readings(): Readings;
  /** Returns the next 24 hours by the owner's rules. */
  schedulePreview(): SchedulePreview;
  /** Returns the stretches of time until then by the owner's rules. */
  stretchesUntil(endMs: number): readonly Stretch[];
  /** Sets whether there is something to serve with; `starting` until the first call. */
  setAvailability(availability: Availability): void;
  /** Sets the fault of the disk or the database; null for none, as until the first call. */
  setStorage(fault: StorageFault | null): void;
  /** Decides again, e.g. after the settings changed. */
  refresh(): Presence;
  /** Calls the listener when decision, reason or end time changes; returns its unsubscribe. */
  onChange(listener: (presence: Presence) => void): () => void;
  /** Cancels the timer. */
  stop(): void;
}

export interface PresenceParts {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  readonly settings: () => PresenceSettings & WindowSettings;
  /** Shared with the agents of other users; null where nothing is computed. */
  readonly lock?: MachineLock | null;
}

const COLLECTION = 'presence';
const KEY = 'pause';
/** Pauses end, readings go stale and idle time passes without a call. */
const REFRESH_INTERVAL_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Elapsed time: on a day with a clock change, the preview ends at another hour of local time. */
const PREVIEW_MS = 24 * HOUR_MS;

const pauseSchema = z.object({ sinceMs: z.number(), untilMs: z.number().nullable() });

export function createPresence(parts: PresenceParts): PresenceService {
  const { clock, calendar, records, settings, lock = null } = parts;
  const listeners = new Set<(presence: Presence) => void>();
  const latest = createLatestReadings();
  const nextOn = { nextScheduled: createNextOn(calendar), nextOffPeak: createNextOn(calendar) };
  const now = { availability: 'starting' as Availability, storage: null as StorageFault | null };
  let pause = readPause(records.get(COLLECTION, KEY));
  const start = createOwnerStart({ clock, calendar, records });
  let current = decideNow(null);

  return {
    current: () => refresh(),
    pause(until) {
      pause = pauseUntil(until, clock.now(), calendar);
      // The hand-back starts before the write, which may wait for the disk.
      const paused = refresh();
      start.end();
      records.set(COLLECTION, KEY, JSON.stringify(pause));
      return paused;
    },
    resume,
    startNow(duration) {
      start.begin(duration);
      return resume();
    },
    endStart() {
      start.end();
      return refresh();
    },
    report(readings) {
      latest.put(readings);
      refresh();
    },
    readings: () => latest.at(clock.now()),
    schedulePreview: () => ({
      timeZone: calendar.timeZone,
      stretches: stretchesUntil(clock.now() + PREVIEW_MS),
    }),
    stretchesUntil,
    setAvailability(next) {
      now.availability = next;
      refresh();
    },
    setStorage(fault) {
      now.storage = fault;
      refresh();
    },
    refresh,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: refreshOn(clock, lock, refresh),
  };

  function stretchesUntil(endMs: number): Stretch[] {
    return previewSchedule(settings(), pause, calendar, { nowMs: clock.now(), endMs });
  }

  function resume(): Presence {
    pause = null;
    records.delete(COLLECTION, KEY);
    return refresh();
  }

  function decideNow(before: Presence | null): Presence {
    const nowMs = clock.now();
    const hours = rulesOf(settings(), nextOn, nowMs);
    const rules = { ...hours, ...now, pause, startedUntilMs: start.untilMs() };
    return decideOnSharedMachine(lock, before, (isTakenByOther) =>
      decide(latest.at(nowMs), { ...rules, isTakenByOther }, nowMs, before?.reason),
    );
  }

  function refresh(): Presence {
    const next = decideNow(current);
    // A pause begins again when the owner changes it; any other reason lasts since it came.
    const isLasting = next.reason === current.reason && next.reason !== 'paused-by-owner';
    const merged = isLasting ? { ...next, sinceMs: current.sinceMs } : next;
    if (isDeepStrictEqual(merged, current)) return current;
    current = merged;
    for (const listener of [...listeners]) listener(current);
    return current;
  }
}

/** Refreshes regularly, and when the lock changes. Returns the end of it, which releases the lock. */
function refreshOn(clock: Clock, lock: MachineLock | null, refresh: () => void): () => void {
  const timer = clock.every(REFRESH_INTERVAL_MS, refresh);
  const unsubscribe = lock?.onChange(refresh);
  return () => {
    timer.cancel();
    unsubscribe?.();
    lock?.release();
  };
}

/** The owner's rules with the times from which their hours allow running. */
function rulesOf(
  { scheduleOn, schedule, onlyOffPeakHours, offPeakHours, ...rules }: PresenceSettings & WindowSettings,
  next: Readonly<Record<'nextScheduled' | 'nextOffPeak', ReturnType<typeof createNextOn>>>,
  nowMs: number,
) {
  return {
    ...rules,
    scheduleFromMs: scheduleOn ? next.nextScheduled(schedule, nowMs) : nowMs,
    offPeakFromMs: onlyOffPeakHours ? next.nextOffPeak(offPeakHours, nowMs) : nowMs,
  };
}

function readPause(text: string | null): Pause | null {
  if (text === null) return null;
  return pauseSchema.parse(JSON.parse(text));
}

function pauseUntil(until: PauseUntil, sinceMs: number, calendar: Calendar): Pause {
  return { sinceMs, untilMs: pauseEnd(until, sinceMs, calendar) };
}

function pauseEnd(until: PauseUntil, nowMs: number, calendar: Calendar): number | null {
  switch (until) {
    case '30-minutes':
      return nowMs + HOUR_MS / 2;
    case '1-hour':
      return nowMs + HOUR_MS;
    case '2-hours':
      return nowMs + 2 * HOUR_MS;
    case 'tomorrow':
      return tomorrowMorning(nowMs, calendar);
    case 'resume':
      return null;
    default:
      return assertNever(until);
  }
}
