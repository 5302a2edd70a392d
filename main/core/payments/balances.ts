/** Keeps the wallet's balances current. The coin is the sum of two addresses: earnings, and network fees. */
import { type Amount, amount } from '../../../shared/money.ts';
import type { Balances } from '../../ports/chain.ts';

export interface BalanceWatch {
  /** Null before the first refresh; a balance that could not be read is null within. */
  current(): Balances | null;
  /** Reads both addresses. Never fails: what cannot be read is unknown. */
  refresh(): Promise<void>;
}

export function createBalanceWatch(parts: {
  readonly read: (address: string) => Promise<Balances>;
  /** Address that earnings arrive at. */
  readonly earningsAddress: string;
  /** Address that pays network fees; another one. */
  readonly feeAddress: string;
  /** Called after each refresh; `isChainAvailable` is whether the token balance could be read. */
  readonly onRefresh: (isChainAvailable: boolean) => void;
}): BalanceWatch {
  let current: Balances | null = null;
  return {
    current: () => current,
    async refresh() {
      const [held, forFees] = await Promise.all([
        parts.read(parts.earningsAddress),
        parts.read(parts.feeAddress),
      ]);
      current = { ...held, coin: sumIfKnown(held.coin, forFees.coin) };
      parts.onRefresh(held.token !== null);
    },
  };
}

/** Unknown is never zero: one unknown balance makes the sum unknown. */
function sumIfKnown(left: Amount | null, right: Amount | null): Amount | null {
  return left === null || right === null ? null : amount(left + right);
}
