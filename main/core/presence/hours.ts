/** Finds out when the hours of a week are on: now, or when next. Follows local time, across clock changes. */
import type { Settings } from '../../../shared/settings.ts';
import { isOn, type Week } from '../../../shared/week.ts';
import type { Calendar } from '../calendar/index.ts';

/** In every time zone, hours begin at a multiple of this. */
const STEP_MS = 15 * 60_000;
/** One week, plus two days for clock changes. */
const SEARCH_MS_MAX = 9 * 86_400_000;

/** The settings about hours in which the owner lets Idlewatt run. */
export type WindowSettings = Pick<Settings, 'scheduleOn' | 'schedule' | 'onlyOffPeakHours' | 'offPeakHours'>;

/** Returns the next moment at which an hour of local time may begin, in any time zone. */
export function nextStep(atMs: number): number {
  return atMs - (((atMs % STEP_MS) + STEP_MS) % STEP_MS) + STEP_MS;
}

/** Returns the first moment from now at which the week is on; null if it never is. */
export function nextOn(week: Week, calendar: Pick<Calendar, 'wall'>, nowMs: number): number | null {
  if (isOn(week, calendar.wall(nowMs))) return nowMs;
  for (let atMs = nextStep(nowMs); atMs <= nowMs + SEARCH_MS_MAX; atMs += STEP_MS) {
    if (isOn(week, calendar.wall(atMs))) return atMs;
  }
  return null;
}

/** Returns {@link nextOn} with a memory: a further call costs nothing until the moment that was found has come. */
export function createNextOn(calendar: Pick<Calendar, 'wall'>): (week: Week, nowMs: number) => number | null {
  let found: { week: Week; searchedAtMs: number; onMs: number } | null = null;
  return (week, nowMs) => {
    if (found?.week === week && found.searchedAtMs <= nowMs && nowMs < found.onMs) return found.onMs;
    const onMs = nextOn(week, calendar, nowMs);
    found = onMs === null ? null : { week, searchedAtMs: nowMs, onMs };
    return onMs;
  };
}
