/** Notifications outside of the window: a closed list, so that every kind has its words. */
import { z } from 'zod';
import { amountTextSchema, assetSchema } from './money.ts';

/** Situations that last until the owner decides. */
export const DECISION_CODES = [
  'engine-gave-up',
  'unconfined',
  'disk-full',
  'disk-unwritable',
  'database-lost',
  'database-damaged',
  'wallet-not-backed-up', // earnings wait for a verified backup
] as const;
export const decisionCodeSchema = z.enum(DECISION_CODES);
export type DecisionCode = z.infer<typeof decisionCodeSchema>;

export const notificationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('decision'), code: decisionCodeSchema }),
  /** Money that arrived at the payout address since the last notification of this kind. */
  z.object({ kind: z.literal('payout'), asset: assetSchema, amount: amountTextSchema }),
  /** The week that ended last Sunday. */
  z.object({
    kind: z.literal('week'),
    asset: assetSchema,
    earned: amountTextSchema,
    jobs: z.number().int().nonnegative(),
  }),
]);
export type OwnerNotification = z.infer<typeof notificationSchema>;
