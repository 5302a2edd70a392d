/**
 * Rates into the owner's currency, from the source that the owner chose; without a choice nothing is queried. The last
 * rate of each day is stored, so that exports value old entries. Practice money has no value and never a rate.
 */
import { z } from 'zod';
import { isAppError } from '../../../shared/errors.ts';
import type { Asset } from '../../../shared/money.ts';
import {
  type Currency,
  isTokenRatePlausible,
  type RateSourceName,
  rateTextSchema,
} from '../../../shared/rates.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RateSource } from '../../ports/rates.ts';
import type { RecordStore } from '../../ports/store.ts';
import { createDayRates, type DayRates } from './day-rates.ts';
import {
  type FetchedRates,
  fetchRates,
  type KnownRate,
  type PublicSource,
  type RateAccess,
} from './sources.ts';

/** The rate that converts amounts. */
export interface RatesState {
  readonly currency: Currency;
  readonly source: Exclude<RateSourceName, 'off'>;
  /** Null while unknown, or too old to be shown. */
  readonly token: KnownRate | null;
  readonly coin: KnownRate | null;
  /** The reason why the last query failed, in one sentence; null if it didn't. */
  readonly error: string | null;
}

export interface Rates {
  /** Null where the owner chose no source, and for practice money. */
  state(): RatesState | null;
  /** Values at the time of an entry, from the stored days. */
  readonly history: RateSource;
  /** Queries now, if the source is a public one; resolves when the state has changed. */
  refresh(): Promise<void>;
  start(): void;
  stop(): void;
}

export interface RatesParts extends RateAccess {
  readonly records: RecordStore;
  readonly settings: () => Pick<Settings, 'rateSource' | 'currency' | 'typedRate'>;
  readonly onSettings: (listener: () => void) => () => void;
  readonly token: Asset;
  readonly coin: Asset;
  readonly changed: () => void;
  readonly log: Log;
}

const COLLECTION = 'rates';
const KEY = 'latest';
const REFRESH_MS: Readonly<Record<PublicSource, number>> = { ecb: 6 * 3_600_000, coinbase: 3_600_000 };
const RETRY_MS = 15 * 60_000;
/** Older rates aren't shown: a value from last month would look like today's. */
const AGE_MS_MAX = 7 * 86_400_000;

const latestSchema = z.object({
  source: z.string(),
  currency: z.string(),
  token: z.object({ value: rateTextSchema, atMs: z.number() }).nullable(),
  coin: z.object({ value: rateTextSchema, atMs: z.number() }).nullable(),
});

export function createRates(parts: RatesParts): Rates {
  const { clock, settings, token } = parts;
  const days = createDayRates(parts.records);
  let timer: Timer | null = null;
  let unsubscribe: (() => void) | null = null;
  let error: string | null = null;
  let isStopped = false;
  let before = choiceOf(settings());

  async function refresh(): Promise<void> {
    timer?.cancel();
    timer = null;
    const { rateSource, currency } = settings();
    if (rateSource === 'off' || rateSource === 'typed' || token.practice) return;
    const asked = choiceOf(settings());
    let nextMs = REFRESH_MS[rateSource];
    try {
      const symbols = { token: token.symbol, coin: parts.coin.symbol };
      const fetched = await fetchRates(parts, { source: rateSource, currency, symbols });
      if (isStopped || asked !== choiceOf(settings())) return;
      keep(parts, { source: rateSource, currency, fetched });
      days.keep(fetched, { token: token.id, coin: parts.coin.id }, { currency, source: rateSource });
      error = null;
      parts.log.info('Exchange rates read', {
        source: rateSource,
        currency,
        token: fetched.token?.value ?? null,
      });
    } catch (cause) {
      if (isStopped || asked !== choiceOf(settings())) return;
      error = isAppError(cause) ? cause.message : 'The rate source failed.';
      nextMs = RETRY_MS;
      parts.log.warn('Exchange rates could not be read', { source: rateSource, cause: error });
    }
    parts.changed();
    if (unsubscribe !== null) timer = clock.after(nextMs, () => void refresh());
  }

  return {
    state() {
      const { rateSource, currency, typedRate } = settings();
      if (rateSource === 'off' || token.practice) return null;
      const latest = readLatest(parts.records, rateSource, currency);
      if (rateSource === 'typed') {
        const atMs = latest.token?.atMs ?? clock.now();
        return { ...typed(typedRate, currency, atMs), currency, source: rateSource, error: null };
      }
      const fresh = (rate: KnownRate | null) =>
        rate !== null && clock.now() - rate.atMs <= AGE_MS_MAX ? rate : null;
      return { currency, source: rateSource, token: fresh(latest.token), coin: fresh(latest.coin), error };
    },
    history: days.source,
    refresh,
    start() {
      unsubscribe ??= parts.onSettings(() => {
        const choice = choiceOf(settings());
        if (choice === before) return;
        before = choice;
        error = null;
        keepTyped(parts, days);
        void refresh();
      });
      void refresh();
    },
    stop() {
      isStopped = true;
      timer?.cancel();
      unsubscribe?.();
    },
  };
}

function choiceOf({ rateSource, currency, typedRate }: ReturnType<RatesParts['settings']>): string {
  return [rateSource, currency, typedRate].join('|');
}

function typed(text: string | null, currency: Currency, atMs: number): FetchedRates {
  const isUsable = text !== null && isTokenRatePlausible(Number(text), currency);
  return { token: isUsable ? { value: text, atMs } : null, coin: null };
}

/** A typed rate is valid from the day on which it was typed. */
function keepTyped(parts: RatesParts, days: DayRates): void {
  const { rateSource, currency, typedRate } = parts.settings();
  if (rateSource !== 'typed' || parts.token.practice) return;
  const rates = typed(typedRate, currency, parts.clock.now());
  keep(parts, { source: rateSource, currency, fetched: rates });
  days.keep(rates, { token: parts.token.id, coin: parts.coin.id }, { currency, source: rateSource });
}

function keep(
  { records }: RatesParts,
  { source, currency, fetched }: { source: string; currency: string; fetched: FetchedRates },
): void {
  records.set(COLLECTION, KEY, JSON.stringify({ source, currency, ...fetched }));
}

/** Rates of another source or currency are no answer to this choice. */
function readLatest(records: RecordStore, source: string, currency: string): FetchedRates {
  const text = records.get(COLLECTION, KEY);
  const parsed = text === null ? null : latestSchema.safeParse(JSON.parse(text));
  if (!parsed?.success || parsed.data.source !== source || parsed.data.currency !== currency) {
    return { token: null, coin: null };
  }
  return parsed.data;
}
