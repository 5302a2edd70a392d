/** Reads rates from the public sources. Both are queried without anything that identifies the owner. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import {
  type Currency,
  isCoinRatePlausible,
  isTokenRatePlausible,
  type RateSourceName,
} from '../../../shared/rates.ts';
import type { Clock } from '../../ports/clock.ts';
import { readText } from '../../ports/read-text.ts';

export type PublicSource = Exclude<RateSourceName, 'off' | 'typed'>;

export interface KnownRate {
  /** Units of the currency for one whole token or coin, as decimal text. */
  readonly value: string;
  /** Time of the figure according to its source, in milliseconds. */
  readonly atMs: number;
}

/** Rates of one query; null where the source has none. */
export interface FetchedRates {
  readonly token: KnownRate | null;
  readonly coin: KnownRate | null;
}

export const RATE_URLS: Readonly<Record<PublicSource, string>> = {
  ecb: 'https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml',
  coinbase: 'https://api.coinbase.com/v2/exchange-rates',
};

const CHARACTERS_MAX = 256 * 1024;
const FETCH_MS_MAX = 15_000;
/** Significant digits that are stored. */
const DIGITS = 9;
const DECIMALS_MAX = 12;

export interface RateQuery {
  readonly source: PublicSource;
  readonly currency: Currency;
  /** Symbols of the token and of the coin on the exchange. */
  readonly symbols: { readonly token: string; readonly coin: string };
}

export interface RateAccess {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** The public addresses, unless a test names its own server. */
  readonly urls?: Readonly<Record<PublicSource, string>>;
}

/** Fails with `no-source` if the source can't be reached, or its response is unusable or implausible. */
export async function fetchRates(access: RateAccess, query: RateQuery): Promise<FetchedRates> {
  return query.source === 'ecb' ? fetchEcb(access, query) : fetchCoinbase(access, query);
}

/** One USDC counts as one dollar, and the bank knows no coin. */
async function fetchEcb(access: RateAccess, { currency }: RateQuery): Promise<FetchedRates> {
  const text = await get(access, (access.urls ?? RATE_URLS).ecb);
  const day = /time=['"](\d{4}-\d{2}-\d{2})['"]/.exec(text)?.[1];
  const perEuro = (code: string): number => {
    if (code === 'EUR') return 1;
    const rate = new RegExp(`currency=['"]${code}['"]\\s+rate=['"](\\d{1,9}(?:\\.\\d{1,12})?)['"]`).exec(
      text,
    )?.[1];
    if (rate === undefined) throw unusable(`the response has no rate for ${code}`);
    return Number(rate);
  };
  // Published at about 16:00 in Frankfurt; the day alone is stated.
  const atMs = day === undefined ? Number.NaN : Date.parse(`${day}T15:00:00Z`);
  if (!Number.isFinite(atMs)) throw unusable('the response has no date');
  return { token: token(perEuro(currency) / perEuro('USD'), currency, atMs), coin: null };
}

const coinbaseSchema = z.object({
  data: z.object({ rates: z.record(z.string().max(20), z.string().max(60)) }),
});

async function fetchCoinbase(access: RateAccess, { currency, symbols }: RateQuery): Promise<FetchedRates> {
  const rateOf = async (symbol: string): Promise<number> => {
    const url = `${(access.urls ?? RATE_URLS).coinbase}?currency=${encodeURIComponent(symbol)}`;
    const parsed = coinbaseSchema.safeParse(parseJson(await get(access, url)));
    const rate = parsed.success ? parsed.data.data.rates[currency] : undefined;
    if (rate === undefined || !/^\d{1,12}(\.\d+)?$/.test(rate)) {
      throw unusable(`the response has no ${currency} price for ${symbol}`);
    }
    return Number(rate);
  };
  const [tokenRate, coinRate] = [await rateOf(symbols.token), await rateOf(symbols.coin)];
  const atMs = access.clock.now();
  if (!isCoinRatePlausible(coinRate, currency)) throw implausible(coinRate, symbols.coin, currency);
  return { token: token(tokenRate, currency, atMs), coin: { value: write(coinRate), atMs } };
}

function token(value: number, currency: Currency, atMs: number): KnownRate {
  if (!isTokenRatePlausible(value, currency)) throw implausible(value, 'USDC', currency);
  return { value: write(value), atMs };
}

/** Plain decimal notation: exponents are not rates. */
function write(value: number): string {
  const decimals = Math.min(DECIMALS_MAX, Math.max(0, DIGITS - 1 - Math.floor(Math.log10(value))));
  const text = value.toFixed(decimals);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

async function get({ fetch, clock }: RateAccess, url: string): Promise<string> {
  const ended = new AbortController();
  const limit = clock.after(FETCH_MS_MAX, () => ended.abort());
  try {
    const response = await fetch(url, {
      signal: ended.signal,
      redirect: 'error',
      credentials: 'omit',
      headers: { accept: 'application/json, application/xml' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unusable(`it responded with status ${response.status}`);
    }
    const { text, isComplete } = await readText(response, CHARACTERS_MAX);
    if (!isComplete) throw unusable('its response is too long');
    return text;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw unusable(ended.signal.aborted ? 'it didn’t respond in time' : 'it can’t be reached', cause);
  } finally {
    limit.cancel();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unusable('its response isn’t JSON', cause);
  }
}

function unusable(why: string, cause?: unknown): AppError {
  return new AppError('no-source', `The rate source failed: ${why}.`, { cause });
}

function implausible(value: number, symbol: string, currency: string): AppError {
  return unusable(`its rate isn’t plausible (1 ${symbol} = ${value} ${currency})`);
}
