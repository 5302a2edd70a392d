/** The forecast as one pure function of what was measured, seen and set. */
import type { Forecast } from '../../../shared/forecast.ts';
import type { Offer } from '../../../shared/offer.ts';
import type { Price } from '../../../shared/price.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** One day that is over. */
export interface PastDay {
  /** Hours in which we were allowed to work. */
  readonly freeHours: number;
  /** Hours in which a job was at work. */
  readonly busyHours: number;
}

export interface ForecastFacts {
  readonly model: string;
  /** Of one answer at a time, within the owner's comfort. */
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly ownPrice: Price;
  /** What others ask for the same model file. */
  readonly marketPrices: readonly Price[];
  /** Oldest first, today left out. */
  readonly days: readonly PastDay[];
  /** Whether those who asked on these days are a market. */
  readonly isMarket: boolean;
  /** Hours a day that the owner's schedule allows. */
  readonly scheduledHours: number;
  /** Tokens of the jobs served so far. */
  readonly tokens: { readonly read: number; readonly written: number };
  readonly watts: number | null;
  readonly powerPriceMicroUsd: number | null;
  /** Whether one base unit of the asset is a millionth of a US dollar. */
  readonly isMicroUsd: boolean;
}

/** Fewer days say nothing about the next one. */
const DAYS_MIN = 3;
const WRITTEN_MIN = 1_000;
/** Chats read about as much as they write, questions about documents some times more. An assumption, and shown as one. */
const READ_PER_WRITTEN: Range = { low: 0.5, high: 4 };
const HOUR_S = 3_600;
const KILO = 1_000;

/** What is asked for exactly this file: another one under the same name is another product. */
export function marketPrices(
  offers: readonly Pick<Offer, 'asset' | 'models'>[],
  wanted: { readonly assetId: string; readonly sha256: string },
): Price[] {
  return offers
    .filter(({ asset }) => asset.id === wanted.assetId)
    .flatMap(({ models }) => models.filter(({ sha256 }) => sha256 === wanted.sha256))
    .map(({ price }) => price);
}

/** One answer at a time: what answering several at once brings on top is not counted. */
export function estimate(facts: ForecastFacts): Forecast {
  const { watts, powerPriceMicroUsd } = facts;
  const hours = hoursOf(facts);
  const use = useOf(facts);
  const mix = mixOf(facts);
  const prices = facts.marketPrices.length > 0 ? facts.marketPrices : [facts.ownPrice];
  const perHour = prices.flatMap((price) => [mix.low, mix.high].map((read) => hourly(facts, price, read)));
  const busy = { low: hours.low * use.low, high: hours.high * use.high };
  const earned = { low: busy.low * Math.min(...perHour), high: busy.high * Math.max(...perHour) };
  const powerPerHour =
    watts === null || powerPriceMicroUsd === null || !facts.isMicroUsd
      ? null
      : (watts / KILO) * powerPriceMicroUsd;
  const power =
    powerPerHour === null ? null : { low: busy.low * powerPerHour, high: busy.high * powerPerHour };
  return {
    earned: units(earned),
    power: power && units(power),
    net: power && netOf(earned, power),
    basis: {
      model: facts.model,
      prefillTokensPerSecond: facts.prefillTokensPerSecond,
      decodeTokensPerSecond: facts.decodeTokensPerSecond,
      price: facts.marketPrices.length > 0 ? 'market' : 'own',
      offers: facts.marketPrices.length,
      hours,
      use,
      readPerWritten: mix,
      watts,
      powerPriceMicroUsd,
    },
  };
}

/** Base units that an hour of answering brings, with so many tokens read for each one written. */
function hourly(facts: ForecastFacts, price: Price, readPerWritten: number): number {
  const seconds = readPerWritten / facts.prefillTokensPerSecond + 1 / facts.decodeTokensPerSecond;
  const units = (Number(price.inputPerMillion) * readPerWritten + Number(price.outputPerMillion)) / 1_000_000;
  return (HOUR_S / seconds) * units;
}

function hoursOf({ days, scheduledHours }: ForecastFacts): Forecast['basis']['hours'] {
  if (days.length < DAYS_MIN) return { low: 0, high: scheduledHours, from: 'schedule' };
  return { ...quartiles(days.map(({ freeHours }) => freeHours)), from: 'history' };
}

function useOf({ days, isMarket }: ForecastFacts): Forecast['basis']['use'] {
  const free = days.filter(({ freeHours }) => freeHours > 0);
  if (!isMarket || free.length < DAYS_MIN) return { low: 0, high: 1, from: 'unknown' };
  const shares = free.map(({ busyHours, freeHours }) => Math.min(1, busyHours / freeHours));
  return { ...quartiles(shares), from: 'history' };
}

function mixOf({ tokens, isMarket }: ForecastFacts): Forecast['basis']['readPerWritten'] {
  if (!isMarket || tokens.written < WRITTEN_MIN) return { ...READ_PER_WRITTEN, from: 'assumed' };
  const ratio = tokens.read / tokens.written;
  return { low: ratio, high: ratio, from: 'history' };
}

/** The middle half of the days; both ends of it are days that were. */
function quartiles(values: readonly number[]): Range {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return { low: at(0.25), high: at(0.75) };
}

/** Both ends belong to a day of little work and to one of much; either may be the better one where power is dear. */
function netOf(earned: Range, power: Range) {
  const ends = [earned.low - power.low, earned.high - power.high];
  return units({ low: Math.min(...ends), high: Math.max(...ends) });
}

function units({ low, high }: Range) {
  return { low: String(Math.round(low)), high: String(Math.round(high)) };
}
