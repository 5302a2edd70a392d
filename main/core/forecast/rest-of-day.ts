/** Expects what the coming hours of today bring, from what earlier days had free and what they worked. Pure. */
import type { Stretch } from '../../../shared/presence.ts';
import type { WeekHour } from '../../../shared/week.ts';
import type { PastHour } from '../presence/index.ts';
import type { Range } from './estimate.ts';

export interface RestOfDayFacts {
  readonly nowMs: number;
  /** Of today, past and coming. */
  readonly hours: readonly (WeekHour & { readonly fromMs: number; readonly toMs: number })[];
  /** Whole earlier days. */
  readonly past: readonly PastHour[];
  /** When the owner's rules and pause let Idlewatt work from now on. */
  readonly stretches: readonly Stretch[];
  /** Base units. */
  readonly perBusyHour: Range;
}

/** Amounts in base units, not rounded. */
export interface RestOfDay {
  /** By hour of today: what the rest of that hour is expected to bring; null for an hour that is over. */
  readonly hours: readonly (number | null)[];
  /** Of all these hours. */
  readonly expected: number;
  /** Range that the middle half of the earlier days would bring; contains `expected`. */
  readonly low: number;
  readonly high: number;
  /** Earlier days that it rests on. */
  readonly days: number;
}

/** Fewer days are too few to expect anything. */
export const DAYS_MIN = 3;
/** The same weekday counts as much as four other days. */
const SAME_WEEKDAY = 4;
/** A day counts half as much as one that is two weeks younger. */
const HALF_LIFE_MS = 14 * 24 * 3_600_000;
const HOUR_MS = 3_600_000;

interface EarlierDay {
  readonly weight: number;
  /** By hour of the clock, 0 to 1. */
  readonly freeShare: ReadonlyMap<number, number>;
  /** Share of the free time with jobs, 0 to 1. */
  readonly use: number;
}

/** Returns null while there are too few earlier days. */
export function restOfDay(facts: RestOfDayFacts): RestOfDay | null {
  const days = earlierDays(facts);
  if (days.length < DAYS_MIN) return null;
  const open = facts.hours.map(({ fromMs, toMs, hour }) => ({
    hour,
    isOver: toMs <= facts.nowMs,
    hours: openMs(facts, fromMs, toMs) / HOUR_MS,
  }));
  const { low, high } = facts.perBusyHour;
  const weights = days.reduce((sum, { weight }) => sum + weight, 0);
  const busy = open.map(
    ({ hour, hours }) =>
      days.reduce((sum, day) => sum + day.weight * busyHours(day, hour, hours), 0) / weights,
  );
  const expected = sumOf(busy) * ((low + high) / 2);
  const busyByDay = days.map((day) => ({
    weight: day.weight,
    value: sumOf(open.map(({ hour, hours }) => busyHours(day, hour, hours))),
  }));
  return {
    hours: open.map(({ isOver }, index) => (isOver ? null : (busy[index] ?? 0) * ((low + high) / 2))),
    expected,
    low: Math.min(expected, quantile(busyByDay, 0.25) * low),
    high: Math.max(expected, quantile(busyByDay, 0.75) * high),
    days: days.length,
  };
}

function busyHours({ freeShare, use }: EarlierDay, hour: number, hours: number): number {
  return hours * (freeShare.get(hour) ?? 0) * use;
}

function earlierDays({ nowMs, hours, past }: RestOfDayFacts): readonly EarlierDay[] {
  const today = hours[0];
  const byDay = Map.groupBy(past, ({ dayMs }) => dayMs);
  return [...byDay].map(([dayMs, ofDay]) => {
    const free = sumOf(ofDay.map(({ freeMs }) => freeMs));
    const freeShare = new Map<number, number>();
    // An hour comes twice on the day on which the clock is set back.
    for (const { hour, freeMs } of ofDay) {
      freeShare.set(hour, Math.min(1, Math.max(freeShare.get(hour) ?? 0, freeMs / HOUR_MS)));
    }
    return {
      weight:
        (ofDay[0]?.weekday === today?.weekday ? SAME_WEEKDAY : 1) *
        0.5 ** (Math.max(0, nowMs - dayMs) / HALF_LIFE_MS),
      freeShare,
      use: free > 0 ? Math.min(1, sumOf(ofDay.map(({ busyMs }) => busyMs)) / free) : 0,
    };
  });
}

/** Time of an hour that is still to come and in which the owner's rules let Idlewatt work. */
function openMs({ nowMs, stretches }: RestOfDayFacts, fromMs: number, toMs: number): number {
  return sumOf(
    stretches
      .filter(({ reason }) => reason === null)
      .map((stretch) =>
        Math.max(0, Math.min(toMs, stretch.untilMs) - Math.max(nowMs, fromMs, stretch.fromMs)),
      ),
  );
}

/** The smallest value below which at least `share` of the weight lies. */
function quantile(
  values: readonly { readonly weight: number; readonly value: number }[],
  share: number,
): number {
  const sorted = [...values].sort((left, right) => left.value - right.value);
  const wanted = share * sumOf(sorted.map(({ weight }) => weight));
  let passed = 0;
  for (const { weight, value } of sorted) {
    passed += weight;
    if (passed >= wanted) return value;
  }
  return sorted.at(-1)?.value ?? 0;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
