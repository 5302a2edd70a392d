/** Where the ledger is kept: append-only postings of balanced lines. What is booked, core/ledger decides. */
import type { Amount } from '../../shared/money.ts';

/** The accounts of the ledger; core/ledger documents what each one means. */
export type Account =
  | 'channels:owed'
  | 'contract:claimed'
  | 'wallet'
  | 'channels:deposited'
  | 'income:jobs'
  | 'expense:inference'
  | 'fees:network'
  | 'equity:faucet'
  | 'equity:opening';

export interface LedgerLine {
  readonly account: Account;
  readonly assetId: string;
  /** Base units; positive is a debit, negative a credit, never zero. */
  readonly amount: Amount;
  /** The payment channel that it belongs to, where there is one. */
  readonly channelId: string | null;
}

export const POSTING_KINDS = [
  'job-charged',
  'charge-recovered',
  'channels-claimed',
  'payout',
  'network-fee',
  'job-bought',
  'channel-deposit',
  'channel-refund',
  'faucet',
  'opening',
  'reversal',
] as const;
export type PostingKind = (typeof POSTING_KINDS)[number];

/** One business event. Its lines sum to zero per asset; it is never changed after it was appended. */
export interface Posting {
  /** Idempotency key: one event, one key, e.g. `job:<id>:charged`. */
  readonly key: string;
  readonly atMs: number;
  readonly kind: PostingKind;
  readonly description: string;
  readonly jobId: string | null;
  readonly model: string | null;
  readonly txHash: string | null;
  /** Key of the posting that this one takes back. */
  readonly reverses: string | null;
  readonly lines: readonly LedgerLine[];
}

export interface AccountBalance {
  readonly account: Account;
  readonly assetId: string;
  readonly amount: Amount;
}

/** A line together with what it needs to be summed by day, model or channel. */
export interface DatedLine extends LedgerLine {
  readonly atMs: number;
  readonly kind: PostingKind;
  readonly model: string | null;
}

/** Each call is durable when it returns, unless it runs inside {@link LedgerStore.transaction}. */
export interface LedgerStore {
  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** Throws when the key is taken. */
  append(posting: Posting): void;
  find(key: string): Posting | null;
  /** Newest first, in the order of booking. */
  list(filter: { readonly kind: PostingKind | null; readonly limit: number }): readonly Posting[];
  /** Running balances, kept with each append. */
  balances(): readonly AccountBalance[];
  /** The same, added up anew from every line. */
  recount(): readonly AccountBalance[];
  /** Lines of one account and asset with `fromMs <= atMs < toMs`, oldest first. */
  lines(account: Account, assetId: string, fromMs: number, toMs: number): Iterable<DatedLine>;
  /** Sum of the same lines. */
  sum(account: Account, assetId: string, fromMs: number, toMs: number): Amount;
  /** Sum of the account's lines for one channel, reversals included. */
  sumForChannel(account: Account, channelId: string): Amount;
}
