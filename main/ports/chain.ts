/** The chain as settlement and wallet see it. Unknown is null, never zero. */
import type { Amount, Asset } from '../../shared/money.ts';
import type { ReceivableReason } from '../../shared/receivables.ts';

export interface ChainNetwork {
  /** CAIP-2 ID, e.g. `eip155:31337`. */
  readonly id: string;
  readonly chainId: number;
  readonly rpcUrl: string;
  /** Queried when the first one fails, and to confirm every answer that money depends on. */
  readonly fallbackRpcUrls: readonly string[];
  /** Number of blocks, including its own, after which a transaction counts. */
  readonly confirmations: number;
  /** x402 facilitators (base URLs) that may claim for us, tried in turn before our own key. */
  readonly facilitators: readonly string[];
  readonly token: Asset & {
    readonly address: string;
    readonly eip712: { readonly name: string; readonly version: string };
  };
  readonly coin: Asset;
  /** Most that any transaction may cost, in base units of the coin; the owner's setting may be lower. */
  readonly feeMax: Amount;
  /** Price of one coin where it is worthless, so that the same rules apply; null where the owner sets it. */
  readonly coinPriceMicroUsd: number | null;
}

/** `token` base units of the token are worth `coin` base units of the native coin. */
export interface CoinPrice {
  readonly token: Amount;
  readonly coin: Amount;
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

/** Turns the balances due on channels into money in the wallet. */
export interface Settlement {
  /** Claims every channel with a balance due (batched), then moves the claimed sum to the payout address. */
  settleNow(): Promise<SettlementResult>;
  /**
   * Before the machine sleeps for long: settles everything that is worth its fee. Resolves within seconds and never
   * fails; transactions that were sent and not confirmed are found after waking up.
   */
  beforeSleep(): Promise<void>;
  onEvent(listener: (event: SettlementEvent) => void): () => void;
  receivables(): readonly Receivable[];
  /**
   * Current network fee of claiming and paying out everything, in base units of the coin; null until the chain was
   * read.
   */
  fee(): Amount | null;
}

export interface SettlementResult {
  readonly claims: readonly {
    tx: MinedTransaction;
    channels: readonly { channelId: string; amount: Amount; claimedTotal: Amount }[];
  }[];
  readonly settle: { tx: MinedTransaction; amount: Amount } | null;
}

/** A transaction that was reported as final and is no longer in the chain. */
export interface UndoneTransaction {
  readonly type: 'undone';
  readonly what: 'claimed' | 'settled';
  readonly tx: MinedTransaction;
  /** Channels that it claimed, or that it paid out. */
  readonly channelIds: readonly string[];
}

export type SettlementEvent =
  | {
      readonly type: 'claimed';
      readonly tx: MinedTransaction;
      readonly channels: readonly { channelId: string; amount: Amount; claimedTotal: Amount }[];
    }
  | { readonly type: 'settled'; readonly tx: MinedTransaction; readonly amount: Amount }
  /** The chain dropped a transaction that was reported before: it is reversed and repeated. */
  | UndoneTransaction
  /** Attempted and deferred; the reason is one plain sentence. */
  | { readonly type: 'waiting'; readonly reason: string };

export interface Receivable {
  readonly channelId: string;
  readonly payer: string;
  /** Charged and not yet claimed. */
  readonly owed: Amount;
  /** Claimed and not yet paid out. */
  readonly claimed: Amount;
  /** Claimed over the channel's life, paid out or not. */
  readonly claimedTotal: Amount;
  readonly state: 'owed' | 'claimed';
  readonly reason: ReceivableReason;
}
