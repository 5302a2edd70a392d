/** When the hours of a week are on: now, and when next. By the clock on the wall, whatever is done to it. */
import type { Settings } from '../../../shared/settings.ts';
import { isOn, type Week } from '../../../shared/week.ts';
import type { Calendar } from '../calendar/index.ts';

/** Every zone's hours begin at a multiple of it. */
const STEP_MS = 15 * 60_000;
/** A week, and the day on which clocks are changed twice over. */
const LOOK_AHEAD_MS = 9 * 86_400_000;

/** The hours in which the owner lets us run. */
export type WindowSettings = Pick<Settings, 'scheduleOn' | 'schedule' | 'onlyOffPeakHours' | 'offPeakHours'>;

/** The next moment at which an hour of the wall's clock may begin, whatever the zone. */
export function nextStep(atMs: number): number {
  return atMs - (((atMs % STEP_MS) + STEP_MS) % STEP_MS) + STEP_MS;
}

/** When the week is on, as the first moment from now; null when it never is. */
export function nextOn(week: Week, calendar: Pick<Calendar, 'wall'>, nowMs: number): number | null {
  if (isOn(week, calendar.wall(nowMs))) return nowMs;
  for (let atMs = nextStep(nowMs); atMs <= nowMs + LOOK_AHEAD_MS; atMs += STEP_MS) {
    if (isOn(week, calendar.wall(atMs))) return atMs;
  }
  return null;
}

/** {@link nextOn}, looked for once: asking again costs nothing until the moment that was found has come. */
export function createNextOn(calendar: Pick<Calendar, 'wall'>): (week: Week, nowMs: number) => number | null {
  let found: { week: Week; askedMs: number; onMs: number } | null = null;
  return (week, nowMs) => {
    if (found?.week === week && found.askedMs <= nowMs && nowMs < found.onMs) return found.onMs;
    const onMs = nextOn(week, calendar, nowMs);
    found = onMs === null ? null : { week, askedMs: nowMs, onMs };
    return onMs;
  };
}
