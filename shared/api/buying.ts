/** The API for what this machine buys: prices now, what was spent and where, and the limits' use. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { amountTextSchema } from '../money.ts';
import { periodSchema } from '../period.ts';

const spentSchema = { spent: amountTextSchema, jobs: z.number().int() };

export const buyingOverviewSchema = z.object({
  /** Charged or reserved within the last 24 hours, which the daily limit applies to. */
  spentDay: amountTextSchema,
  /** In the calendar period of the query so far, the highest first. */
  models: z.array(z.object({ model: z.string(), ...spentSchema })),
  providers: z.array(z.object({ peer: z.string(), ...spentSchema })),
  /** In payment channels with providers and not charged yet, by the ledger. */
  deposited: amountTextSchema,
  /** Models that can be bought now, with the provider that would be tried first for a usual question. */
  offers: z.array(
    z.object({
      model: z.string(),
      providers: z.number().int(),
      peer: z.string(),
      inputPerMillion: amountTextSchema,
      outputPerMillion: amountTextSchema,
      /** By the provider's own measurement; null if it has none. */
      decodeTokensPerSecond: z.number().nullable(),
      contextTokens: z.number().int(),
      /** From request to first token: the median of this machine's last purchases of the model; null without one. */
      firstTokenMs: z.number().nullable(),
      /** Purchases that it rests on. */
      firstTokens: z.number().int().nonnegative(),
    }),
  ),
});
export type BuyingOverview = z.infer<typeof buyingOverviewSchema>;

export const buyingContract = {
  overview: oc.input(z.object({ period: periodSchema })).output(buyingOverviewSchema),
};
