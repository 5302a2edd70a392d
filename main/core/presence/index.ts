/** Keeps the decision current: readings, settings, the owner's pause and time all change it. */
import { z } from 'zod';
import { assertNever } from '../../../shared/assert.ts';
import type { PauseUntil, Presence, SchedulePreview } from '../../../shared/presence.ts';
import type { PartialReadings, Readings } from '../../../shared/readings.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import { createReadingsBoard } from './board.ts';
import { type Availability, decide, type Pause, type PresenceSettings } from './decide.ts';
import { previewSchedule } from './schedule-preview.ts';
import { createNextOn, type WindowSettings } from './windows.ts';

export {
  type Availability,
  decide,
  type Pause,
  type PresenceRules,
  type PresenceSettings,
} from './decide.ts';
export { createSensing } from './sensing.ts';
export { createUsage, type DayUsage, type Usage } from './usage.ts';
export type { WindowSettings } from './windows.ts';

export interface PresenceService {
  current(): Presence;
  /** Survives restarts. */
  pause(until: PauseUntil): Presence;
  resume(): Presence;
  /** What a source says about the machine and its owner. */
  report(said: PartialReadings): void;
  /** What is known now, merged over all sources. */
  readings(): Readings;
  /** What the owner's rules say of the next 24 hours. */
  schedulePreview(): SchedulePreview;
  /** Whether there is something to serve with; `starting` until it is said otherwise. */
  setAvailability(availability: Availability): void;
  /** Decides anew, e.g. after the settings changed. */
  refresh(): Presence;
  /** Called when decision, reason or end changes; returns its unsubscribe. */
  onChange(listener: (presence: Presence) => void): () => void;
  /** Ends the timer. */
  stop(): void;
}

export interface PresenceParts {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  readonly settings: () => PresenceSettings & WindowSettings;
}

const COLLECTION = 'presence';
const KEY = 'pause';
/** Pauses end, readings go stale and idle time passes without anybody calling. */
const REFRESH_INTERVAL_MS = 1_000;
const HOUR_MS = 3_600_000;
/** "Until tomorrow" means until the morning, not until midnight. */
const MORNING_HOURS = 8;

const pauseSchema = z.object({ sinceMs: z.number(), untilMs: z.number().nullable() });

export function createPresence({ clock, calendar, records, settings }: PresenceParts): PresenceService {
  const listeners = new Set<(presence: Presence) => void>();
  const board = createReadingsBoard();
  const [nextScheduled, nextCheap] = [createNextOn(calendar), createNextOn(calendar)];
  let availability: Availability = 'starting';
  let pause = readPause(records.get(COLLECTION, KEY));
  let current = decideNow(null);
  const timer: Timer = clock.every(REFRESH_INTERVAL_MS, refresh);

  return {
    current: () => refresh(),
    pause(until) {
      const nowMs = clock.now();
      pause = { sinceMs: nowMs, untilMs: pauseEnd(until, nowMs, calendar) };
      // The machine is given back before the disk is waited for.
      const paused = refresh();
      records.set(COLLECTION, KEY, JSON.stringify(pause));
      return paused;
    },
    resume() {
      pause = null;
      records.delete(COLLECTION, KEY);
      return refresh();
    },
    report(said) {
      board.put(said);
      refresh();
    },
    readings: () => board.at(clock.now()),
    schedulePreview: () => ({
      timeZone: calendar.timeZone,
      stretches: previewSchedule(settings(), pause, calendar, clock.now()),
    }),
    setAvailability(next) {
      availability = next;
      refresh();
    },
    refresh,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => timer.cancel(),
  };

  function decideNow(before: Presence['reason'] | null): Presence {
    const nowMs = clock.now();
    const { scheduleOn, schedule, onlyOffPeakHours, offPeakHours, ...rules } = settings();
    return decide(
      board.at(nowMs),
      {
        ...rules,
        pause,
        availability,
        scheduleFromMs: scheduleOn ? nextScheduled(schedule, nowMs) : nowMs,
        offPeakFromMs: onlyOffPeakHours ? nextCheap(offPeakHours, nowMs) : nowMs,
      },
      nowMs,
      before,
    );
  }

  function refresh(): Presence {
    const next = decideNow(current.reason);
    const sameReason = next.decision === current.decision && next.reason === current.reason;
    const isPause = next.reason === 'paused-by-owner';
    if (sameReason && next.untilMs === current.untilMs && (!isPause || next.sinceMs === current.sinceMs)) {
      return current;
    }
    current = sameReason && !isPause ? { ...next, sinceMs: current.sinceMs } : next;
    for (const listener of [...listeners]) listener(current);
    return current;
  }
}

function readPause(text: string | null): Pause | null {
  if (text === null) return null;
  return pauseSchema.parse(JSON.parse(text));
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
      return calendar.startOfNextDay(nowMs) + MORNING_HOURS * HOUR_MS;
    case 'resume':
      return null;
    default:
      return assertNever(until);
  }
}
