/** What settlement needs from channels and chain: who owes, claim, pay out; each outcome told at least once. */
import type { Amount } from '../../shared/money.ts';
import type { MinedTransaction, UndoneTransaction } from './chain.ts';

/** A channel with something charged, as far as this machine's books know. */
export interface ChannelAccount {
  readonly channelId: string;
  readonly payer: string;
  /** Charged so far over the channel's life. */
  readonly charged: Amount;
  /** Claimed on chain so far. */
  readonly claimed: Amount;
  /** Of `claimed`, what was paid out to the payout address. */
  readonly settled: Amount;
  /** The payer has begun to withdraw: claim at once. */
  readonly withdrawing: boolean;
  /** Since when something is owed, in milliseconds since the epoch; null when nothing is. */
  readonly owedSinceMs: number | null;
}

/** A transaction of ours that changed where money is. */
export type ClaimOutcome =
  | {
      readonly type: 'claimed';
      readonly tx: MinedTransaction;
      readonly channels: readonly {
        readonly channelId: string;
        /** What this claim added. */
        readonly amount: Amount;
        readonly claimedTotal: Amount;
      }[];
    }
  | { readonly type: 'settled'; readonly tx: MinedTransaction; readonly amount: Amount }
  | UndoneTransaction;

/**
 * Claims on chain. What is begun is written down before the transaction leaves, so that a crash at any
 * moment is found by `recover` and nothing is claimed or told twice with another hash.
 * Calls run one after another. Failures: `chain-unavailable`, `chain-mismatch`, `insufficient-funds` (no coin
 * for the fee), `payment-required` (the chain refuses a voucher; `details.channelIds`).
 */
export interface ChannelClaims {
  /** From this machine's books alone; answers while the chain is down. */
  accounts(): readonly ChannelAccount[];
  /**
   * Outcomes that were never acknowledged: of an earlier run, of a call whose answer was lost, of somebody who
   * claimed for us, or what the chain has dropped again.
   */
  recover(): Promise<readonly ClaimOutcome[]>;
  /** Claims up to {@link CLAIM_BATCH_MAX} channels in one transaction; null when the chain has them all already. */
  claim(channelIds: readonly string[]): Promise<ClaimOutcome | null>;
  /** Pays out everything claimed; null when there is nothing. */
  settle(): Promise<ClaimOutcome | null>;
  /** The outcome is booked; `recover` will not bring it again. */
  acknowledge(outcome: ClaimOutcome): void;
  /** Looks for withdrawals that payers have begun; refreshes what the books know of the chain. */
  refresh(): Promise<void>;
  /** Claimed and not paid out yet, by these books. */
  unpaid(): Amount;
  /** Whether a transaction of ours is sent and does not count yet. */
  isConfirming(): boolean;
  /** What claiming so many channels and paying out costs now, in the chain's coin. */
  fee(channels: number): Promise<Amount>;
  /** Called when there is something to recover that no call of the caller's brought. Returns its unsubscribe. */
  onFound(listener: () => void): () => void;
}

/** As many as a public facilitator takes in one claim. */
export const CLAIM_BATCH_MAX = 25;
