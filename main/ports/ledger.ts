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
  | 'equity:opening'
  | 'equity:sent';

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
  'sent',
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
  /** Peer id of the other side, where there is one. */
  readonly peer: string | null;
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

/** A posting in its place in the chain. */
export interface KeptPosting {
  /** Counts up from 1 without gaps, in the order of booking. */
  readonly sequence: number;
  /** sha256 in hex over the hash before it and everything that the posting says; null is damage. */
  readonly hash: string | null;
  readonly posting: Posting;
}

/** Accounts through which money flows in or out; their sums are kept by time, model and peer. */
export function isFlow(account: Account): boolean {
  return /^(income|expense|fees):/.test(account);
}

/** Length of the spans by which flows are summed: every time zone's days begin and end at one of their bounds. */
export const QUARTER_MS = 15 * 60_000;

/** What flowed through an account in one span of {@link QUARTER_MS}, for one model or for one peer. */
export interface Flow {
  readonly fromMs: number;
  /** The model or the peer; null for what has none. */
  readonly name: string | null;
  /** Signed like the lines: debits positive. */
  readonly amount: Amount;
  /** Charged jobs among the postings. */
  readonly jobs: number;
}

/** Something in the books that is not as it was written, or does not add up. */
export interface LedgerProblem {
  /** The posting's place, where it is one posting's. */
  readonly sequence: number | null;
  readonly key: string | null;
  /** One sentence. */
  readonly what: string;
}

/** Each call is durable when it returns, unless it runs inside {@link LedgerStore.transaction}. */
export interface LedgerStore {
  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** All or none, each chained to the one before; throws when a key is taken. */
  append(postings: readonly Posting[]): void;
  find(key: string): Posting | null;
  /** Which of these keys are booked. */
  taken(keys: readonly string[]): ReadonlySet<string>;
  /** Newest first, in the order of booking. */
  list(filter: { readonly kind: PostingKind | null; readonly limit: number }): readonly Posting[];
  /** In the order of booking, those after this place. */
  page(afterSequence: number, limit: number): readonly KeptPosting[];
  /** Running balance, kept with each append; zero where nothing was ever booked. */
  balance(account: Account, assetId: string): Amount;
  /** Running balances of all accounts. */
  balances(): readonly AccountBalance[];
  /** Flows of one account and asset, oldest first; whichever name they are told by, they sum up to the same. */
  flows(account: Account, assetId: string, by: 'model' | 'peer', span: FlowSpan): readonly Flow[];
  /** Running sum of the account's lines for one channel, reversals included. */
  sumForChannel(account: Account, channelId: string): Amount;
  /**
   * Adds up anew and compares: chain, each posting's balance, running sums. `new` looks at what came after
   * the last checkpoint and sets the next one when all is well; `all` trusts nothing and writes nothing.
   */
  check(scope: 'new' | 'all'): readonly LedgerProblem[];
}

/** `fromMs <= time < toMs`, both multiples of {@link QUARTER_MS}. */
export interface FlowSpan {
  readonly fromMs: number;
  readonly toMs: number;
}
