/** Local calendar days of one time zone: defines "today" for sums, charts and "pause until tomorrow". */
import type { Period } from '../../../shared/period.ts';
import type { WeekHour } from '../../../shared/week.ts';

export interface Calendar {
  /** IANA name. */
  readonly timeZone: string;
  /** Returns the local day of a moment as `YYYY-MM-DD`. */
  day(atMs: number): string;
  /** First millisecond of that day. Days may have 23 to 25 hours. */
  startOfDay(atMs: number): number;
  /** First millisecond of the day after. */
  startOfNextDay(atMs: number): number;
  /** First millisecond of that week's Monday (ISO 8601). */
  startOfWeek(atMs: number): number;
  /** Number of local days from the start of that moment's week, month or year to its own day, which counts. */
  daysIn(period: Period, atMs: number): number;
  /** Returns weekday and hour of local time. On a clock change, an hour may come twice or not at all. */
  wall(atMs: number): WeekHour;
}

const HOUR_MS = 3_600_000;
/** In UTC, which has no clock changes. */
const DAY_MS = 24 * HOUR_MS;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
/** No local day is longer, except where a zone jumped over the date line. */
const DAY_MS_MAX = 26 * HOUR_MS;

/** Creates the calendar of an IANA time zone, e.g. `Europe/Berlin`. */
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
  const time = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' },
  });
  /** Milliseconds on the local clock. */
  const sinceMidnight = (atMs: number): number => {
    const [hours = 0, minutes = 0, seconds = 0] = time.format(atMs).split(':').map(Number);
    return hours * HOUR_MS + minutes * 60_000 + seconds * 1_000 + (((atMs % 1_000) + 1_000) % 1_000);
  };
  const startOfDay = (atMs: number): number => {
    const today = day(atMs);
    // Right on days without a clock change, and checked below.
    const guess = atMs - sinceMidnight(atMs);
    if (day(guess) === today && day(guess - 1) !== today) return guess;
    // Binary search for the start of the day, between a moment on an earlier day and one on this day.
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
  const daysIn = (period: Period, atMs: number): number => {
    const today = Date.parse(`${day(atMs)}T00:00:00Z`);
    const date = new Date(today);
    switch (period) {
      case 'today':
        return 1;
      case 'week':
        return ((date.getUTCDay() + 6) % 7) + 1;
      case 'month':
        return date.getUTCDate();
      case 'year':
        return Math.round((today - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
    }
  };
  const startOfWeek = (atMs: number): number => {
    let start = startOfDay(atMs);
    for (let back = daysIn('week', atMs); back > 1; back -= 1) start = startOfDay(start - 1);
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
  return { timeZone, day, startOfDay, startOfNextDay, startOfWeek, daysIn, wall };
}
