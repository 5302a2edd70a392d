/** End of a pause or a start "until tomorrow": the next morning, not midnight. */
import type { Calendar } from '../calendar/index.ts';

/** Hours after the start of the day. */
const MORNING_HOURS = 8;
const HOUR_MS = 3_600_000;

/** Returns milliseconds since the epoch. */
export function tomorrowMorning(nowMs: number, calendar: Pick<Calendar, 'startOfNextDay'>): number {
  return calendar.startOfNextDay(nowMs) + MORNING_HOURS * HOUR_MS;
}
