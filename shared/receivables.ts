/** Why money that was earned is not in the wallet yet: a closed list, so that every page has a sentence for each. */
import { z } from 'zod';

export const RECEIVABLE_REASONS = [
  'below-threshold', // less is owed than the owner wants to be paid at once
  'fee-too-high', // the network's fee would eat too much of it
  'waiting-for-schedule', // enough is owed: it goes out with the next look, or the next try
  'payer-withdrawing', // the payer takes its money back: claimed at once
  'claiming',
  'confirming', // sent, and not deep enough in the chain to count
  'settling', // claimed; the payment to the payout address is under way
  'wallet-not-backed-up', // claimed; waits for the owner's proven backup
  'chain-unavailable',
  'chain-disagrees', // the chain's nodes contradict each other, or serve another chain
  'no-coin-for-fee', // nothing to pay the network's fee with, and nobody who pays it for us
  'voucher-refused', // the chain refuses this payer's voucher
  'undone-by-chain', // was claimed or paid out, and the chain dropped it: done again
  'settlement-failed', // for a reason that is no expected one; tried again
] as const;

export const receivableReasonSchema = z.enum(RECEIVABLE_REASONS);
export type ReceivableReason = z.infer<typeof receivableReasonSchema>;
/** `owed`: promised by vouchers; `claimed`: on the chain, the payer cannot take it back. */
export const receivableStateSchema = z.enum(['owed', 'claimed']);
