/** Stores the last rate of each day and asset, and looks them up for entries of that time. */
import { z } from 'zod';
import { type RateSourceName, rateTextSchema } from '../../../shared/rates.ts';
import type { RateSource } from '../../ports/rates.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { FetchedRates } from './sources.ts';

export interface DayRates {
  keep(
    rates: FetchedRates,
    assetIds: { readonly token: string; readonly coin: string },
    from: { readonly currency: string; readonly source: RateSourceName },
  ): void;
  /** Each rate names its own currency, since the owner may have changed it. */
  readonly source: RateSource;
}

const COLLECTION = 'day-rates';
const DAY_MS = 86_400_000;
/** A rate is used until the next one, for at most this long. */
const AGE_DAYS_MAX = 31;
/** Ten years of two assets. */
const ROWS_MAX = 7_400;

const rowSchema = z.object({
  value: rateTextSchema,
  currency: z.string(),
  source: z.string(),
  atMs: z.number(),
});

export function createDayRates(records: RecordStore): DayRates {
  return {
    keep(rates, assetIds, { currency, source }) {
      for (const name of ['token', 'coin'] as const) {
        const rate = rates[name];
        if (rate === null) continue;
        const row = { value: rate.value, currency, source, atMs: rate.atMs };
        records.set(COLLECTION, `${dayOf(rate.atMs)} ${assetIds[name]}`, JSON.stringify(row));
      }
      const rows = records.list(COLLECTION);
      for (const { key } of rows.slice(0, Math.max(0, rows.length - ROWS_MAX)))
        records.delete(COLLECTION, key);
    },
    source: {
      at({ id }, atMs) {
        for (let back = 0; back <= AGE_DAYS_MAX; back += 1) {
          const text = records.get(COLLECTION, `${dayOf(atMs - back * DAY_MS)} ${id}`);
          if (text === null) continue;
          const { value, currency, source } = rowSchema.parse(JSON.parse(text));
          return { value, currency, source };
        }
        return null;
      },
    },
  };
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
