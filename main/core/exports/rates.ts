/** Exchange rates from a table of the owner: each is valid from its day until the next one of the same asset. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { RateSource } from '../../ports/rates.ts';

/** Maximum age of a rate; an older one is not used for a day. */
const AGE_MS_MAX = 31 * 86_400_000;

const rateSchema = z.object({
  /** Symbol (`USDC`) or the asset's ID, which takes precedence. */
  asset: z.string().min(1).max(120),
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be a currency of three letters, e.g. EUR'),
  /** Day in UTC, or a time with its zone. */
  from: z.iso.datetime({ offset: true }).or(z.iso.date()),
  rate: z.string().regex(/^\d{1,15}(\.\d{1,18})?$/, 'must be a decimal number as text, e.g. "0.92"'),
  source: z.string().trim().min(1).max(200),
});
const tableSchema = z.array(rateSchema).max(100_000);

/** A source without any rate. */
export const NO_RATES: RateSource = { at: () => null };

/** Reads a table in JSON. Fails with `bad-request`, which names the invalid row. */
export function rateTable(text: string): RateSource {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError('bad-request', 'The rate table must be JSON.', { cause });
  }
  const parsed = tableSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AppError(
      'bad-request',
      `Invalid rate table at ${issue?.path.join('.') || 'its beginning'}: ${issue?.message ?? ''}.`,
    );
  }
  const rows = parsed.data
    .map((row) => ({ ...row, fromMs: Date.parse(row.from) }))
    .sort((left, right) => left.fromMs - right.fromMs);
  return {
    at({ id, symbol }, atMs) {
      const valid = rows.filter((row) => row.fromMs <= atMs && atMs - row.fromMs <= AGE_MS_MAX);
      const row =
        valid.findLast(({ asset }) => asset === id) ?? valid.findLast(({ asset }) => asset === symbol);
      if (row === undefined) return null;
      return { currency: row.currency, value: row.rate, source: row.source };
    },
  };
}
