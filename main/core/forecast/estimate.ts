/** Computes the forecast from facts that were measured, observed and set. Pure. */
import type { Forecast, Watts } from '../../../shared/forecast.ts';
import type { Offer } from '../../../shared/offer.ts';
import type { Price } from '../../../shared/price.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** One finished day. */
export interface PastDay {
  /** Hours in which work was permitted. */
  readonly freeHours: number;
  /** Hours in which at least one job was running. */
  readonly busyHours: number;
}

export interface ForecastFacts {
  readonly model: string;
  /** Speeds of one stream at a time, at the owner's intensity. */
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly ownPrice: Price;
  /** Prices of other providers for the same model file. */
  readonly marketPrices: readonly Price[];
  /** Oldest first, without today. */
  readonly days: readonly PastDay[];
  /** True where the demand on these days came from a market. */
  readonly isMarket: boolean;
  /** Hours per day that the owner's schedule permits. */
  readonly scheduledHours: number;
  /** Tokens of the jobs served so far. */
  readonly tokens: { readonly read: number; readonly written: number };
  readonly watts: Watts | null;
  readonly powerPriceMicroUsd: number | null;
  /** True where one base unit of the asset is a millionth of a US dollar. */
  readonly isMicroUsd: boolean;
}

/** Fewer days are too few to predict the next one. */
const DAYS_MIN = 3;
const WRITTEN_MIN = 1_000;
/**
 * Ratio of prompt tokens to generated tokens: chats read about as much as they write, questions about documents
 * several times more. An assumption, and shown as one.
 */
const READ_PER_WRITTEN: Range = { low: 0.5, high: 4 };
const HOUR_S = 3_600;
const KILO = 1_000;

/** Returns the prices for exactly this file: another file under the same name is another product. */
export function marketPrices(
  offers: readonly Pick<Offer, 'asset' | 'models'>[],
  wanted: { readonly assetId: string; readonly sha256: string },
): Price[] {
  return offers
    .filter(({ asset }) => asset.id === wanted.assetId)
    .flatMap(({ models }) => models.filter(({ sha256 }) => sha256 === wanted.sha256))
    .map(({ price }) => price);
}

/** Assumes one stream at a time: the gain of concurrent streams is not counted. */
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
      : (watts.value / KILO) * powerPriceMicroUsd;
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

/**
 * Returns the base units that an hour of work brings at the owner's own price. Jobs of the practice network count here, since
 * practice money is what they bring.
 */
export function earnedPerBusyHour(facts: ForecastFacts): Range {
  const mix = mixOf({ ...facts, isMarket: true });
  const ends = [mix.low, mix.high].map((read) => hourly(facts, facts.ownPrice, read));
  return { low: Math.min(...ends), high: Math.max(...ends) };
}

/** Base units earned in one hour of work, with `readPerWritten` prompt tokens per generated token. */
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

function mixOf({
  tokens,
  isMarket,
}: Pick<ForecastFacts, 'tokens' | 'isMarket'>): Forecast['basis']['readPerWritten'] {
  if (!isMarket || tokens.written < WRITTEN_MIN) return { ...READ_PER_WRITTEN, from: 'assumed' };
  const ratio = tokens.read / tokens.written;
  return { low: ratio, high: ratio, from: 'history' };
}

/** The middle half of the days; both ends are values of actual days. */
function quartiles(values: readonly number[]): Range {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return { low: at(0.25), high: at(0.75) };
}

/** One end is a day of little work, the other of much; where electricity is expensive either may be the better one. */
function netOf(earned: Range, power: Range) {
  const ends = [earned.low - power.low, earned.high - power.high];
  return units({ low: Math.min(...ends), high: Math.max(...ends) });
}

function units({ low, high }: Range) {
  return { low: String(Math.round(low)), high: String(Math.round(high)) };
}
