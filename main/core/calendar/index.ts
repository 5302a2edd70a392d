/** Local calendar days of one time zone: what "today" means in sums, charts and "pause until tomorrow". */
import type { WeekHour } from '../../../shared/week.ts';

export interface Calendar {
  /** IANA name. */
  readonly timeZone: string;
  /** `YYYY-MM-DD` of the day that the moment falls on. */
  day(atMs: number): string;
  /** First millisecond of that day; days may have 23 to 25 hours. */
  startOfDay(atMs: number): number;
  /** First millisecond of the day after. */
  startOfNextDay(atMs: number): number;
  /** First millisecond of that week's Monday (ISO 8601). */
  startOfWeek(atMs: number): number;
  /** What the clock on the wall says: an hour may come twice or not at all where clocks are changed. */
  wall(atMs: number): WeekHour;
}

const HOUR_MS = 3_600_000;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
/** No zone has a longer day, clock changes and jumps over the date line aside. */
const DAY_MS_MAX = 26 * HOUR_MS;

/** The calendar of an IANA time zone, e.g. `Europe/Berlin`. */
export function createCalendar(timeZone: string): Calendar {
  const format = new Intl.DateTimeFormat('en-CA-u-ca-iso8601-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const day = (atMs: number): string => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    return `${parts.year}-${parts.month}-${parts.day}`;
  };
  const startOfDay = (atMs: number): number => {
    const today = day(atMs);
    // Between a moment on another day and one on this day lies the border: halve until it is found.
    let before = atMs - DAY_MS_MAX;
    let within = atMs;
    while (within - before > 1) {
      const middle = Math.floor((before + within) / 2);
      if (day(middle) === today) within = middle;
      else before = middle;
    }
    return within;
  };
  const startOfNextDay = (atMs: number): number => startOfDay(startOfDay(atMs) + DAY_MS_MAX);
  const startOfWeek = (atMs: number): number => {
    const weekday = (new Date(`${day(atMs)}T00:00:00Z`).getUTCDay() + 6) % 7;
    let start = startOfDay(atMs);
    for (let back = 0; back < weekday; back += 1) start = startOfDay(start - 1);
    return start;
  };
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  const wall = (atMs: number): WeekHour => {
    const parts = clock.formatToParts(atMs);
    const part = (name: string) => parts.find(({ type }) => type === name)?.value ?? '';
    return { weekday: WEEKDAYS.indexOf(part('weekday')), hour: Number(part('hour')) };
  };
  return { timeZone, day, startOfDay, startOfNextDay, startOfWeek, wall };
}
