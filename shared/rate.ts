/** Rate between the owner's currency and the US dollar, from a source that the owner chose. */
import { z } from 'zod';
import type { Asset } from './money.ts';
import { CURRENCIES, rateSourceSchema } from './rates.ts';

export const rateSchema = z.object({
  currency: z.enum(CURRENCIES),
  /** Units of the currency for one US dollar, taken as one USDC. */
  perDollar: z.number().positive(),
  /** When the source stated it, in milliseconds since the epoch. */
  atMs: z.number(),
  source: rateSourceSchema.exclude(['off']),
});
export type Rate = z.infer<typeof rateSchema>;

/** True for money that a rate may convert. Practice money is worth nothing, so none applies to it. */
export function isDollar(asset: Pick<Asset, 'symbol' | 'practice'>): boolean {
  return asset.symbol === 'USDC' && !asset.practice;
}
