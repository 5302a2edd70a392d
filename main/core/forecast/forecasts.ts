/**
 * What a day is expected to bring: made anew when asked, kept once each morning, and compared with what came when
 * the day is over.
 */
import { type Forecast, type ForecastScore, forecastSchema } from '../../../shared/forecast.ts';
import type { Amount } from '../../../shared/money.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';
import { estimate, type ForecastFacts } from './estimate.ts';

export { type ForecastFacts, marketPrices, type PastDay } from './estimate.ts';
export { createWattsMeter, type WattsMeter } from './watts.ts';

export interface ForecastService {
  /** Null where the served model was not measured yet. */
  current(): Forecast | null;
  /** Days that are over, newest first. */
  scores(days: number): readonly ForecastScore[];
  stop(): void;
}

const COLLECTION = 'forecast';
const LOOK_EVERY_MS = 15 * 60_000;
const keptSchema = forecastSchema.shape.earned;

export function createForecasts(parts: {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly records: RecordStore;
  /** Null where the served model was not measured yet. */
  readonly facts: () => ForecastFacts | null;
  /** By local day, today included. */
  readonly earnedByDay: (days: number) => readonly { readonly day: string; readonly earned: Amount }[];
}): ForecastService {
  const { clock, calendar, records, facts, earnedByDay } = parts;
  const current = () => {
    const known = facts();
    return known === null ? null : estimate(known);
  };
  /** The first forecast of a day is the one that counts: it knows nothing of the day yet. */
  const keep = () => {
    const day = calendar.day(clock.now());
    if (records.get(COLLECTION, day) !== null) return;
    const made = current();
    if (made !== null) records.set(COLLECTION, day, JSON.stringify(made.earned));
  };
  const timer: Timer = clock.every(LOOK_EVERY_MS, keep);
  return {
    current,
    scores(days) {
      const today = calendar.day(clock.now());
      return earnedByDay(days + 1)
        .filter(({ day }) => day < today)
        .flatMap(({ day, earned }) => {
          const kept = keptSchema.safeParse(JSON.parse(records.get(COLLECTION, day) ?? 'null'));
          return kept.success ? [{ day, earned: kept.data, came: earned.toString() }] : [];
        })
        .reverse();
    },
    stop: () => timer.cancel(),
  };
}
