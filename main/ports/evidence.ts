/** What the chain itself says about money of ours, for those who do not believe the books. */
import type { Amount } from '../../shared/money.ts';

/** What one mined transaction did, by channel in lower case. */
export interface TransactionEvidence {
  readonly succeeded: boolean;
  /** In the chain's coin. */
  readonly fee: Amount;
  readonly claimed: ReadonlyMap<string, Amount>;
  readonly deposited: ReadonlyMap<string, Amount>;
  /** Refunds and withdrawals. */
  readonly returned: ReadonlyMap<string, Amount>;
  /** Paid out to receivers. */
  readonly settled: Amount;
}

/** Each call fails with `chain-unavailable` or `chain-mismatch`. */
export interface ChainEvidence {
  readonly tokenId: string;
  readonly coinId: string;
  channels(
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly balance: Amount; readonly totalClaimed: Amount }>>;
  /** Claimed for this address over its life, and how much of that was paid out. */
  receiver(address: string): Promise<{ readonly claimed: Amount; readonly settled: Amount }>;
  /** Null where the node does not know it. */
  transaction(hash: string): Promise<TransactionEvidence | null>;
  /** Token at an address. */
  held(address: string): Promise<Amount>;
}

/** A channel that we sell on, as the payment's own records have it. */
export interface SoldChannelRecord {
  /** Lower case. */
  readonly channelId: string;
  readonly receiver: string;
  readonly charged: Amount;
  /** The most that the payer has signed for. */
  readonly promised: Amount;
}
