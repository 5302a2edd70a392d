/** The chain's own record of our money, for audits that don't rely on the ledger. */
import type { Amount } from '../../shared/money.ts';

/** Effects of one mined transaction, by channel in lower case. */
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
  /** Total claimed for this address over its life, and the part of it that was paid out. */
  receiver(address: string): Promise<{ readonly claimed: Amount; readonly settled: Amount }>;
  /** Null when the node doesn't have it. */
  transaction(hash: string): Promise<TransactionEvidence | null>;
  /** Token balance of an address. */
  held(address: string): Promise<Amount>;
}

/** A channel on which this machine sells, from the payment adapter's records. */
export interface SoldChannelRecord {
  /** Lower case. */
  readonly channelId: string;
  readonly receiver: string;
  readonly charged: Amount;
  /** Highest amount that the payer has signed. */
  readonly promised: Amount;
}
