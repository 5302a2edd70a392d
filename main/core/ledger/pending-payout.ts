/** The balances that are still to be paid out to the payout address in use, which must not change before. */
import type { AccountBalance } from '../../ports/ledger.ts';

/** True if one of these balances, in any asset, is charged or claimed and not paid out yet. */
export function isPendingPayout(balances: readonly AccountBalance[]): boolean {
  return balances.some(
    ({ account, amount }) => (account === 'channels:owed' || account === 'contract:claimed') && amount > 0n,
  );
}
