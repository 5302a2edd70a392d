/** Finds out whether a customer's payout was sent, from the wallet's transactions. */
import type { SpendChain } from '../../ports/spend-chain.ts';
import type { SentTransaction, Transactions } from './transactions.ts';

/** `paid`: in a final block. `open`: it may still be. `unpaid`: it never will be. */
export type PayoutStanding = 'paid' | 'open' | 'unpaid';

/** Fails with `chain-unavailable` or `chain-mismatch`. */
export async function payoutStanding(
  transactions: Pick<Transactions, 'list'>,
  chain: Pick<SpendChain, 'receipt'>,
  reference: string,
): Promise<PayoutStanding> {
  const entries = transactions.list().filter(({ payout }) => payout?.reference === reference);
  if (entries.some(({ state }) => state === 'mined')) return 'paid';
  if (entries.some(({ state }) => state === 'pending' || state === 'dropped')) return 'open';
  for (const { hash } of entries.filter(isReplacedElsewhere)) {
    // The nodes disagreed about its nonce: a payout that the chain has isn't the balance again.
    if ((await chain.receipt(hash))?.status === 'success') return 'open';
  }
  return 'unpaid';
}

function isReplacedElsewhere({ state, replacedBy }: SentTransaction): boolean {
  return state === 'replaced' && replacedBy === null;
}
