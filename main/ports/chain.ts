/** The chain as settlement and wallet see it. Unknown is null, never zero. */
import type { Amount, Asset } from '../../shared/money.ts';

export interface ChainNetwork {
  /** CAIP-2 id, e.g. `eip155:31337`. */
  readonly id: string;
  readonly chainId: number;
  readonly rpcUrl: string;
  /** Asked where the first does not answer, and for agreement before money is believed. */
  readonly fallbackRpcUrls: readonly string[];
  /** Blocks, its own included, after which a transaction counts. */
  readonly confirmations: number;
  /** x402 facilitators (base URLs) that may claim for us, tried in turn; then our own key. */
  readonly facilitators: readonly string[];
  readonly token: Asset & {
    readonly address: string;
    readonly eip712: { readonly name: string; readonly version: string };
  };
  readonly coin: Asset;
}

export interface Balances {
  readonly token: Amount | null;
  readonly coin: Amount | null;
  readonly atMs: number;
}

/** One transaction of ours that is final. */
export interface MinedTransaction {
  readonly hash: string;
  readonly blockNumber: number;
  /** Fee paid in the chain's coin. */
  readonly fee: Amount;
}

/** What is owed by channels and how it becomes money in the wallet. */
export interface Settlement {
  /** Claims every channel that owes (batched), then moves the claimed sum to the payout address. */
  settleNow(): Promise<SettlementResult>;
  onEvent(listener: (event: SettlementEvent) => void): () => void;
  receivables(): readonly Receivable[];
}

export interface SettlementResult {
  readonly claims: readonly {
    tx: MinedTransaction;
    channels: readonly { channelId: string; amount: Amount; claimedTotal: Amount }[];
  }[];
  readonly settle: { tx: MinedTransaction; amount: Amount } | null;
}

export type SettlementEvent =
  | {
      readonly type: 'claimed';
      readonly tx: MinedTransaction;
      readonly channels: readonly { channelId: string; amount: Amount; claimedTotal: Amount }[];
    }
  | { readonly type: 'settled'; readonly tx: MinedTransaction; readonly amount: Amount }
  /** Tried and put off; the reason is one plain sentence. */
  | { readonly type: 'waiting'; readonly reason: string };

export interface Receivable {
  readonly channelId: string;
  readonly payer: string;
  /** Charged and not yet claimed. */
  readonly owed: Amount;
  /** Claimed and not yet paid out. */
  readonly claimed: Amount;
  readonly reason:
    | 'below-threshold'
    | 'chain-unavailable'
    | 'waiting-for-schedule'
    | 'wallet-not-backed-up'
    | 'claiming'
    | 'settling';
}
