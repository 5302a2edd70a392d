/**
 * Forecast of a day's earnings: computed on demand, stored once each morning, and compared with the actual earnings
 * when the day is over.
 */
import { type Forecast, type ForecastScore, forecastSchema } from '../../../shared/forecast.ts';
import type { Amount } from '../../../shared/money.ts';
import type { Stretch } from '../../../shared/presence.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import { hoursOf, type PastHour } from '../presence/index.ts';
import { earnedPerBusyHour, estimate, type ForecastFacts } from './estimate.ts';
import { type RestOfDay, restOfDay } from './rest-of-day.ts';

export interface ForecastService {
  /** Null where the served model was not measured yet. */
  current(): Forecast | null;
  /** Earnings that the coming ones of these hours of today are expected to bring; null as above, or while too few days are known. */
  restOfDay(hours: Hours): RestOfDay | null;
  /** Expected earnings of today's coming hours and of the days after, for `days` days; null as for {@link restOfDay}. */
  coming(days: number): ComingDays | null;
  /** Scores of finished days, newest first. */
  scores(days: number): Promise<readonly ForecastScore[]>;
  stop(): void;
}

/** Amounts in base units, not rounded. */
export interface ComingDays {
  /** Today first. */
  readonly days: readonly { readonly day: string; readonly expected: number }[];
  /** Earlier days that it rests on. */
  readonly pastDays: number;
}

type Hours = readonly { readonly fromMs: number; readonly toMs: number }[];

const COLLECTION = 'forecast';
const CHECK_EVERY_MS = 15 * 60_000;
const storedSchema = forecastSchema.shape.earned;

export function createForecasts(parts: {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** Null where the served model was not measured yet. */
  readonly facts: () => ForecastFacts | null;
  /** Free and busy time of earlier days, by hour. */
  readonly past: () => readonly PastHour[];
  /** When the owner's rules and pause let Idlewatt work, from now until then. */
  readonly stretchesUntil: (endMs: number) => readonly Stretch[];
  /** By local day, today included. */
  readonly earnedByDay: (
    days: number,
  ) => Promise<readonly { readonly day: string; readonly earned: Amount }[]>;
}): ForecastService {
  const { clock, calendar, records, facts, earnedByDay } = parts;
  const current = () => {
    const known = facts();
    return known === null ? null : estimate(known);
  };
  /** The first forecast of a day is the one that counts: later ones would contain part of the day. */
  const storeFirst = () => {
    const day = calendar.day(clock.now());
    if (records.get(COLLECTION, day) !== null) return;
    const made = current();
    if (made !== null) records.set(COLLECTION, day, JSON.stringify(made.earned));
  };
  const timer: Timer = clock.every(CHECK_EVERY_MS, storeFirst);
  /** By day; null without the facts, or while too few days are known. */
  const expect = (days: readonly Hours[]): readonly RestOfDay[] | null => {
    const known = facts();
    if (known === null) return null;
    const shared = {
      nowMs: clock.now(),
      past: parts.past(),
      stretches: parts.stretchesUntil(days.at(-1)?.at(-1)?.toMs ?? clock.now()),
      perBusyHour: earnedPerBusyHour(known),
    };
    const expected = days.map((hours) =>
      restOfDay({ ...shared, hours: hours.map((hour) => ({ ...hour, ...calendar.wall(hour.fromMs) })) }),
    );
    return expected.every((day) => day !== null) ? expected : null;
  };
  return {
    current,
    restOfDay: (hours) => expect([hours])?.[0] ?? null,
    coming(days) {
      const starts = [calendar.startOfDay(clock.now())];
      while (starts.length <= days) starts.push(calendar.startOfNextDay(starts.at(-1) ?? 0));
      const spans = starts
        .slice(0, -1)
        .map((fromMs, index) => ({ fromMs, toMs: starts[index + 1] ?? fromMs }));
      const expected = expect(spans.map(({ fromMs, toMs }) => hoursOf(fromMs, toMs)));
      return (
        expected && {
          days: spans.map(({ fromMs }, index) => ({
            day: calendar.day(fromMs),
            expected: expected[index]?.expected ?? 0,
          })),
          pastDays: expected[0]?.days ?? 0,
        }
      );
    },
    async scores(days) {
      const today = calendar.day(clock.now());
      const earnings = await earnedByDay(days + 1);
      return earnings
        .filter(({ day }) => day < today)
        .flatMap(({ day, earned }) => {
          const stored = storedSchema.safeParse(JSON.parse(records.get(COLLECTION, day) ?? 'null'));
          return stored.success ? [{ day, earned: stored.data, came: earned.toString() }] : [];
        })
        .reverse();
    },
    stop: () => timer.cancel(),
  };
}
