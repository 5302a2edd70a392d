/** Hours of a week that are on or off, in local time: schedules and off-peak hours. */
import { z } from 'zod';

export const WEEK_DAYS = 7;
export const DAY_HOURS = 24;

/** Monday first (ISO 8601); 24 characters per day, `1` for an hour that is on. */
export const weekSchema = z.array(z.string().regex(/^[01]{24}$/)).length(WEEK_DAYS);
export type Week = z.infer<typeof weekSchema>;

/** An hour of the week in local time. */
export interface WeekHour {
  /** 0 is Monday. */
  readonly weekday: number;
  /** 0 to 23. */
  readonly hour: number;
}

/** Turns on the same hours each day, from `fromHour` until `untilHour` begins; across midnight if that is earlier. */
export function everyDay(fromHour: number, untilHour: number): Week {
  const isOn = (hour: number) =>
    fromHour < untilHour ? hour >= fromHour && hour < untilHour : hour >= fromHour || hour < untilHour;
  const day = Array.from({ length: DAY_HOURS }, (_, hour) => (isOn(hour) ? '1' : '0')).join('');
  return Array.from({ length: WEEK_DAYS }, () => day);
}

export function isOn(week: Week, { weekday, hour }: WeekHour): boolean {
  return week[weekday]?.[hour] === '1';
}

/** Returns the week with one hour changed. */
export function withHour(week: Week, { weekday, hour }: WeekHour, on: boolean): Week {
  return week.map((day, index) =>
    index === weekday ? day.slice(0, hour) + (on ? '1' : '0') + day.slice(hour + 1) : day,
  );
}
