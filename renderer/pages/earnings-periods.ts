/** The calendar periods of the Earnings page, and the bars of their charts: the coming ones have a place, too. */

export const SPANS = ['week', 'month', 'year'] as const;
export type Span = (typeof SPANS)[number];

const DAY_CHARACTERS = 'YYYY-MM-DD'.length;
const MONTHS = 12;

/** Returns the days of a week or month as `YYYY-MM-DD`, or the months of a year as `YYYY-MM`; `day` is one of them. */
export function placesOf(span: Span, day: string): readonly string[] {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  // Calendar days, not moments: UTC has no clock changes that could skip one.
  const place = (ofMonth: number, ofDay: number) =>
    new Date(Date.UTC(year, ofMonth - 1, ofDay)).toISOString();
  if (span === 'year') {
    return Array.from({ length: MONTHS }, (_, index) => place(index + 1, 1).slice(0, 'YYYY-MM'.length));
  }
  const weekday = (new Date(place(month, date)).getUTCDay() + 6) % 7;
  const first = span === 'week' ? date - weekday : 1;
  const days = span === 'week' ? 7 : new Date(place(month + 1, 0)).getUTCDate();
  return Array.from({ length: days }, (_, index) => place(month, first + index).slice(0, DAY_CHARACTERS));
}

/** Returns the number of days of a week or month that aren't over, `today` included. */
export function daysLeft(span: Exclude<Span, 'year'>, today: string): number {
  return placesOf(span, today).filter((day) => day >= today).length;
}
