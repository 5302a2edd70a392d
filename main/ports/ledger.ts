/** Port for storing the ledger: append-only postings of balanced lines. core/ledger decides what is recorded. */
import type { Amount } from '../../shared/money.ts';

/** The accounts of the ledger; core/ledger documents each one. */
export type Account =
  | 'channels:owed'
  | 'contract:claimed'
  | 'wallet'
  | 'channels:deposited'
  | 'income:jobs'
  | 'income:relaying'
  | 'expense:inference'
  | 'expense:relaying'
  | 'fees:network'
  | 'equity:faucet'
  | 'equity:opening'
  | 'equity:sent'
  | 'customers:balance'
  | 'customers:elsewhere'
  | 'customers:payouts'
  | 'standing';

export interface LedgerLine {
  readonly account: Account;
  readonly assetId: string;
  /** Base units; positive is a debit, negative a credit, never zero. */
  readonly amount: Amount;
  /** The payment channel that the line belongs to, if any. */
  readonly channelId: string | null;
}

export const POSTING_KINDS = [
  'job-charged',
  'charge-recovered',
  'channels-claimed',
  'payout',
  'network-fee',
  'job-bought',
  'relaying-charged',
  'relaying-bought',
  'channel-deposit',
  'channel-refund',
  'faucet',
  'opening',
  'sent',
  'customer-paid',
  'customer-credited',
  'customer-payout',
  'customer-paid-out',
  'customer-paid-back',
  'kudos',
  'reversal',
] as const;
export type PostingKind = (typeof POSTING_KINDS)[number];

/** One business event, immutable once appended. Its lines sum to zero per asset. */
export interface Posting {
  /** Idempotency key: one per event, e.g. `job:<id>:charged`. */
  readonly key: string;
  readonly atMs: number;
  readonly kind: PostingKind;
  readonly description: string;
  readonly jobId: string | null;
  readonly model: string | null;
  /** ID of the other peer, if any. */
  readonly peer: string | null;
  readonly txHash: string | null;
  /** Key of the posting that this one reverses. */
  readonly reverses: string | null;
  readonly lines: readonly LedgerLine[];
}

export interface AccountBalance {
  readonly account: Account;
  readonly assetId: string;
  readonly amount: Amount;
}

/** A stored posting with its position in the hash chain. */
export interface KeptPosting {
  /** Counts up from 1 without gaps, in the order of recording. */
  readonly sequence: number;
  /** sha256 in hex over the previous hash and everything in the posting; null means damage. */
  readonly hash: string | null;
  readonly posting: Posting;
}

/** True for accounts through which money flows in or out. Their sums are stored by time, model and peer. */
export function isFlow(account: Account): boolean {
  return /^(income|expense|fees):/.test(account);
}

/** Length of the spans by which flows are summed: in every time zone, days start and end at a multiple of it. */
export const QUARTER_MS = 15 * 60_000;

/** The flow through an account in a span of time. */
export interface Flow {
  /** Signed like the lines: debits positive. */
  readonly amount: Amount;
  /** Charged jobs among the postings. */
  readonly jobs: number;
}

/** The part of a flow that is of one model or of one peer. */
export interface NamedFlow extends Flow {
  /** Null for postings without one. */
  readonly name: string | null;
}

/** The part of a flow that is of one quarter of an hour. */
export interface TimedFlow extends Flow {
  readonly fromMs: number;
}

/** A part of the ledger that was changed after it was written, or that doesn't add up. */
export interface LedgerProblem {
  /** The posting's sequence number, if the problem is in one posting. */
  readonly sequence: number | null;
  readonly key: string | null;
  /** One sentence. */
  readonly what: string;
}

/** Each call is durable when it returns, unless it runs inside {@link LedgerStore.transaction}. */
export interface LedgerStore {
  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** Appends all or none, each chained to the one before. Throws if a key exists already. */
  append(postings: readonly Posting[]): void;
  find(key: string): Posting | null;
  /** The lines of a posting, without reading the rest of it; null if there is none. */
  findLines(key: string): readonly LedgerLine[] | null;
  /** Returns those of the keys that are recorded already. */
  taken(keys: readonly string[]): ReadonlySet<string>;
  /** Returns postings in the reverse order of recording, newest first. */
  list(filter: { readonly kind: PostingKind | null; readonly limit: number }): readonly Posting[];
  /** Returns the postings after this sequence number, in the order of recording. */
  page(afterSequence: number, limit: number): readonly KeptPosting[];
  /** Running balance after the last append; zero if nothing was ever recorded. */
  balance(account: Account, assetId: string): Amount;
  /** Running balances of all accounts. */
  balances(): readonly AccountBalance[];
  /** Flow of one account and asset; with `peers`, only that of peers whose names begin with it. */
  flow(account: Account, assetId: string, span: FlowSpan, peers?: string): Flow;
  /** The same by model or by peer; both add up to the same sum. */
  flowsBy(by: 'model' | 'peer', account: Account, assetId: string, span: FlowSpan): readonly NamedFlow[];
  /** The same by quarter of an hour, oldest first, without the quarters that have none. */
  flowsByQuarter(account: Account, assetId: string, span: FlowSpan, peers?: string): readonly TimedFlow[];
  /** Running sum of the account's lines for one channel, reversals included. */
  sumForChannel(account: Account, channelId: string): Amount;
  /** Channels whose IDs begin with this and whose sum isn't zero, those with the largest sums first, whatever their signs. */
  channelsWith(
    account: Account,
    prefix: string,
    limit: number,
  ): readonly { readonly channelId: string; readonly sum: Amount }[];
  /**
   * Recomputes and compares the hash chain, each posting's balance and the stored sums. `new` checks the postings
   * after the last checkpoint, `all` trusts nothing. Writes nothing.
   */
  check(scope: 'new' | 'all'): readonly LedgerProblem[];
}

/** `fromMs <= time < toMs`, both multiples of {@link QUARTER_MS}. */
export interface FlowSpan {
  readonly fromMs: number;
  readonly toMs: number;
}
