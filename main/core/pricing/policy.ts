/** The price of a model: the owner's own, or one that follows the market within the owner's bounds. Pure. */
import type { Price, PriceReason } from '../../../shared/price.ts';
import type { Settings } from '../../../shared/settings.ts';

/** Settings that decide about a price. */
export const PRICE_RULES = [
  'priceInputPerMillion',
  'priceOutputPerMillion',
  'pricePolicy',
  'priceLowestPercent',
  'priceHighestPercent',
  'batchDiscountPercent',
] as const satisfies readonly (keyof Settings)[];
export type PriceRules = Pick<Settings, (typeof PRICE_RULES)[number]>;

/** Cost of electricity for a million tokens of each direction, in base units. */
export interface PowerCost {
  readonly input: number;
  readonly output: number;
}

export interface PriceFacts {
  /** Prices of other providers for the same file. */
  readonly market: readonly Price[];
  /** Null while it is unknown. */
  readonly powerCost: PowerCost | null;
  readonly isOffPeak: boolean;
}

export interface Quote {
  readonly price: Price;
  /** Price of lines of batches; null if it is the same. */
  readonly batchPrice: Price | null;
  /** Of the output price. */
  readonly reason: PriceReason;
}

/** Fewer offers are no market: the prices of two providers that follow each other could drift anywhere. */
const OFFERS_MIN = 3;
/** Digits of a price that follows the market: small movements of others change nothing. */
const DIGITS = 2;

/**
 * Returns the price. The median of the others counts, so that a minority of them can't move it past the rest; the owner's
 * bounds hold in any case. Only electricity may cost more than the upper bound: nothing is sold at a loss.
 */
export function quoteOf(rules: PriceRules, facts: PriceFacts): Quote {
  const input = priceOf(rules, facts, 'input');
  const output = priceOf(rules, facts, 'output');
  const batchInput = discounted(input.units, rules, facts, 'input');
  const batchOutput = discounted(output.units, rules, facts, 'output');
  const isCheaper = batchInput < input.units || batchOutput < output.units;
  return {
    price: asPrice(input.units, output.units),
    batchPrice: isCheaper ? asPrice(batchInput, batchOutput) : null,
    reason: output.reason,
  };
}

type Direction = keyof PowerCost;

interface DirectionPrice {
  readonly units: bigint;
  readonly reason: PriceReason;
}

function priceOf(rules: PriceRules, facts: PriceFacts, direction: Direction): DirectionPrice {
  const own = unitsOf(
    { inputPerMillion: rules.priceInputPerMillion, outputPerMillion: rules.priceOutputPerMillion },
    direction,
  );
  if (rules.pricePolicy === 'fixed') return { units: own, reason: 'own' };
  const market = facts.market.map((price) => unitsOf(price, direction));
  const followed = follow(own, rules, market);
  const floor = floorOf(facts, direction);
  return followed.units < floor ? { units: floor, reason: 'power' } : followed;
}

function follow(own: bigint, rules: PriceRules, market: readonly bigint[]): DirectionPrice {
  const median = medianOf(market);
  if (median === null) return { units: own, reason: 'own' };
  const lowest = percentOf(own, rules.priceLowestPercent);
  const highest = percentOf(own, rules.priceHighestPercent);
  const rounded = round(median);
  if (rounded < lowest) return { units: lowest, reason: 'lowest' };
  if (rounded > highest) return { units: highest, reason: 'highest' };
  return { units: rounded, reason: 'market' };
}

function unitsOf({ inputPerMillion, outputPerMillion }: Price, direction: Direction): bigint {
  return BigInt(direction === 'input' ? inputPerMillion : outputPerMillion);
}

/** Returns the lower of the two middle ones if there is no single one; null for too few. */
function medianOf(values: readonly bigint[]): bigint | null {
  if (values.length < OFFERS_MIN) return null;
  const sorted = [...values].sort((left, right) => (left < right ? -1 : Number(left > right)));
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

function round(units: bigint): bigint {
  const step = 10n ** BigInt(Math.max(0, units.toString().length - DIGITS));
  return ((units + step / 2n) / step) * step;
}

/** At least 1 base unit. */
function percentOf(units: bigint, percent: number): bigint {
  const part = (units * BigInt(percent)) / 100n;
  return part > 0n ? part : 1n;
}

function floorOf({ powerCost }: PriceFacts, direction: Direction): bigint {
  const cost = powerCost?.[direction] ?? 0;
  return Number.isFinite(cost) ? BigInt(Math.ceil(Math.max(0, cost))) : 0n;
}

function discounted(units: bigint, rules: PriceRules, facts: PriceFacts, direction: Direction): bigint {
  if (!facts.isOffPeak || rules.batchDiscountPercent === 0) return units;
  const wanted = percentOf(units, 100 - rules.batchDiscountPercent);
  const floor = floorOf(facts, direction);
  const batch = wanted < floor ? floor : wanted;
  // A fixed price may be below the cost of electricity.
  return batch < units ? batch : units;
}

function asPrice(input: bigint, output: bigint): Price {
  return { inputPerMillion: input.toString(), outputPerMillion: output.toString() };
}

const KILO = 1_000;
const HOUR_S = 3_600;
const MILLION = 1_000_000;

/**
 * Returns the cost of electricity for a million tokens, one stream at a time; null while anything of it is unknown.
 * `microUsdPerKilowattHour` is the price of electricity, which equals base units of USDC.
 */
export function powerCostOf(known: {
  readonly watts: number | null;
  readonly microUsdPerKilowattHour: number | null;
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
}): PowerCost | null {
  const { watts, microUsdPerKilowattHour: price } = known;
  if (watts === null || price === null) return null;
  const perSecond = (watts / KILO) * (price / HOUR_S);
  const costAt = (speed: number | null) =>
    speed === null || speed <= 0 ? null : (perSecond / speed) * MILLION;
  const [input, output] = [costAt(known.prefillTokensPerSecond), costAt(known.decodeTokensPerSecond)];
  return input === null || output === null ? null : { input, output };
}
