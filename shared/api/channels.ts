/** The API for the deposits of a buyer: which channels hold money, and how it comes back. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { amountTextSchema } from '../money.ts';

export const boughtChannelSchema = z.object({
  channelId: z.string(),
  peer: z.string(),
  /** The part that isn't charged, in base units. */
  left: amountTextSchema,
  lastUsedMs: z.number(),
  /** When a withdrawal that was started can be finished; null if none was. */
  withdrawalReadyAtMs: z.number().nullable(),
});
export type BoughtChannel = z.infer<typeof boughtChannelSchema>;

const channelInput = z.object({ channelId: z.string().regex(/^0x[0-9a-fA-F]{64}$/) });

/** Money moves only from a channel to this owner's own address. */
export const channelsContract = {
  /** Channels with money that can be taken back, the largest amount first. Empty on a machine that buys nothing. */
  list: oc.input(z.object({})).output(z.object({ channels: z.array(boughtChannelSchema) })),
  /** Asks the provider to refund what it hasn't charged. */
  refund: oc.input(channelInput).output(z.object({})),
  /** Starts a withdrawal on the chain, or finishes one whose delay is over. */
  withdraw: oc
    .input(channelInput)
    .output(
      z.object({ state: z.enum(['started', 'waiting', 'returned']), readyAtMs: z.number().nullable() }),
    ),
};
