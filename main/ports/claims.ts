/**
 * The settlement's view of channels and chain: balances due, claims and payouts. Each outcome is delivered at least
 * once.
 */
import type { Amount } from '../../shared/money.ts';
import type { MinedTransaction, UndoneTransaction } from './chain.ts';

/** A channel with a charge, according to this machine's records. */
export interface ChannelAccount {
  readonly channelId: string;
  readonly payer: string;
  /** Charged so far over the channel's life. */
  readonly charged: Amount;
  /** Claimed on-chain so far. */
  readonly claimed: Amount;
  /** The part of `claimed` that was paid out to the payout address. */
  readonly settled: Amount;
  /** The payer has started a withdrawal: claim immediately. */
  readonly withdrawing: boolean;
  /** Time since which a balance is due, in milliseconds since the epoch; null when none is. */
  readonly owedSinceMs: number | null;
}

/** A transaction of ours that moved money from one account to the next. */
export type ClaimOutcome =
  | {
      readonly type: 'claimed';
      readonly tx: MinedTransaction;
      readonly channels: readonly {
        readonly channelId: string;
        /** Amount that this claim added. */
        readonly amount: Amount;
        readonly claimedTotal: Amount;
      }[];
    }
  | { readonly type: 'settled'; readonly tx: MinedTransaction; readonly amount: Amount }
  | UndoneTransaction;

/**
 * Claims on-chain. Each operation is recorded before its transaction leaves this machine, so after a crash at any
 * moment `recover` finds it, and nothing is claimed or reported twice under another hash.
 * Calls run one after another. Failures: `chain-unavailable`, `chain-mismatch`, `insufficient-funds` (no coin
 * for the fee), `payment-required` (the chain rejects a voucher; `details.channelIds`).
 */
export interface ChannelClaims {
  /** Reads this machine's records only; works while the chain is unavailable. */
  accounts(): readonly ChannelAccount[];
  /**
   * Returns the outcomes that were never acknowledged: of an earlier run, of a call whose response was lost, of
   * claims that a third party sent for us, and transactions that the chain has dropped.
   */
  recover(): Promise<readonly ClaimOutcome[]>;
  /** Claims up to {@link CLAIM_BATCH_MAX} channels in one transaction; null when the chain has all of them already. */
  claim(channelIds: readonly string[]): Promise<ClaimOutcome | null>;
  /** Pays out everything claimed; null when there is nothing. */
  settle(): Promise<ClaimOutcome | null>;
  /** Confirms that the outcome is in the ledger; `recover` doesn't return it again. */
  acknowledge(outcome: ClaimOutcome): void;
  /** Checks for withdrawals that payers have started; updates the records from the chain. */
  refresh(): Promise<void>;
  /** Claimed and not paid out yet, according to these records. */
  unpaid(): Amount;
  /** True while a transaction of ours is sent and lacks confirmations. */
  isConfirming(): boolean;
  /** Current cost of claiming `channels` channels and paying out, in the chain's coin. */
  fee(channels: number): Promise<Amount>;
  /**
   * Calls the listener when `recover` has an outcome that none of the caller's calls produced. Returns its unsubscribe.
   */
  onFound(listener: () => void): () => void;
}

/** The limit of a public facilitator for one claim. */
export const CLAIM_BATCH_MAX = 25;
