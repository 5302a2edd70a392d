/** Exchange rates into the owner's currency: the currencies, the sources to choose from, and the rates that pages show. */
import { z } from 'zod';

/**
 * Usual units of each currency for one US dollar, as an order of magnitude. A rate that differs by more than
 * {@link RATE_FACTOR_MAX} is an error of its source or a slip of the decimal point.
 */
export const USUAL_PER_DOLLAR = {
  EUR: 0.9,
  USD: 1,
  GBP: 0.8,
  CHF: 0.9,
  AUD: 1.5,
  BRL: 5.5,
  CAD: 1.4,
  CNY: 7,
  CZK: 23,
  DKK: 7,
  HKD: 8,
  HUF: 360,
  INR: 85,
  JPY: 150,
  KRW: 1400,
  MXN: 19,
  NOK: 11,
  NZD: 1.7,
  PLN: 4,
  RON: 4.6,
  SEK: 10,
  SGD: 1.35,
  ZAR: 18,
} as const;
export type Currency = keyof typeof USUAL_PER_DOLLAR;
export const CURRENCIES = Object.keys(USUAL_PER_DOLLAR) as [Currency, ...Currency[]];

/** Largest accepted ratio between a rate and the usual one. */
export const RATE_FACTOR_MAX = 4;
/** Price of one whole coin (ETH) in US dollars, both included. */
export const COIN_DOLLARS = { min: 10, max: 100_000 } as const;

/**
 * `off`: amounts stay in the token. `typed`: the owner's own rate. `ecb`: reference rates of the European Central Bank,
 * with one USDC as one US dollar. `coinbase`: public prices of the exchange.
 */
export const rateSourceSchema = z.enum(['off', 'typed', 'ecb', 'coinbase']);
export type RateSourceName = z.infer<typeof rateSourceSchema>;

/** A rate as decimal text, e.g. `0.92`. */
export const rateTextSchema = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,12})?$/, 'must be a decimal number, e.g. 0.92');

/** Returns whether a rate of the token is believable for this currency. */
export function isTokenRatePlausible(value: number, currency: Currency): boolean {
  const usual = USUAL_PER_DOLLAR[currency];
  return value >= usual / RATE_FACTOR_MAX && value <= usual * RATE_FACTOR_MAX;
}

/** The same for the coin. */
export function isCoinRatePlausible(value: number, currency: Currency): boolean {
  const usual = USUAL_PER_DOLLAR[currency];
  return value >= (usual * COIN_DOLLARS.min) / RATE_FACTOR_MAX && value <= usual * COIN_DOLLARS.max;
}
