/** Reasons why earned money isn't in the wallet yet: a closed list, so that every page has a text for each. */
import { z } from 'zod';

export const RECEIVABLE_REASONS = [
  'below-threshold', // the balance due is below the owner's payout threshold
  'fee-too-high', // the network fee would take too large a part of it
  'waiting-for-schedule', // the balance due is sufficient and goes out with the next check or retry
  'payer-withdrawing', // the payer withdraws its deposit, so it is claimed immediately
  'claiming',
  'confirming', // sent, but not deep enough in the chain to count
  'settling', // claimed; the payment to the payout address is in progress
  'wallet-not-backed-up', // claimed; waits for the owner's verified backup
  'chain-unavailable',
  'chain-disagrees', // the chain's nodes contradict each other, or serve another chain
  'no-coin-for-fee', // the wallet can't pay the network fee, and no facilitator pays it
  'voucher-refused', // the chain rejects this payer's voucher
  'undone-by-chain', // was claimed or paid out, but the chain reorganized; it is repeated
  'settlement-failed', // for an unexpected reason; retried
] as const;

export const receivableReasonSchema = z.enum(RECEIVABLE_REASONS);
export type ReceivableReason = z.infer<typeof receivableReasonSchema>;
/** `owed`: covered by vouchers only; `claimed`: on-chain, so the payer can't take it back. */
export const receivableStateSchema = z.enum(['owed', 'claimed']);
