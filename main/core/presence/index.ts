/** Keeps the decision current: readings, settings, the owner's pause and time all change it. */
import { z } from 'zod';
import type { Readings } from '../../../shared/api/contract.ts';
import { assertNever } from '../../../shared/assert.ts';
import type { PauseUntil, Presence } from '../../../shared/presence.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import { type Availability, decide, type Pause } from './decide.ts';

export { type Availability, decide, type Pause, type PresenceRules, READINGS_AGE_MS_MAX } from './decide.ts';

export interface PresenceService {
  current(): Presence;
  /** Survives restarts. */
  pause(until: PauseUntil): Presence;
  resume(): Presence;
  /** What the shell read from the operating system. */
  report(readings: Readings): void;
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
  readonly settings: () => Pick<Settings, 'runWhen' | 'idleMinutes' | 'runOnBattery'>;
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
  let readings: Readings | null = null;
  let availability: Availability = 'starting';
  let pause = readPause(records.get(COLLECTION, KEY));
  let current = decideNow();
  const timer: Timer = clock.every(REFRESH_INTERVAL_MS, refresh);

  return {
    current: () => refresh(),
    pause(until) {
      const nowMs = clock.now();
      pause = { sinceMs: nowMs, untilMs: pauseEnd(until, nowMs, calendar) };
      records.set(COLLECTION, KEY, JSON.stringify(pause));
      return refresh();
    },
    resume() {
      pause = null;
      records.delete(COLLECTION, KEY);
      return refresh();
    },
    report(next) {
      readings = next;
      refresh();
    },
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

  function decideNow(): Presence {
    const { runWhen, idleMinutes, runOnBattery } = settings();
    return decide(readings, { runWhen, idleMinutes, runOnBattery, pause, availability }, clock.now());
  }

  function refresh(): Presence {
    const next = decideNow();
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
