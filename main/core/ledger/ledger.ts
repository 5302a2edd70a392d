/** Assembles the ledger: double entry, immutable, idempotent by key. */
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  Account,
  AccountBalance,
  KeptPosting,
  LedgerLine,
  LedgerProblem,
  LedgerStore,
  Posting,
  PostingKind,
} from '../../ports/ledger.ts';
import type { Calendar } from '../calendar/index.ts';
import { ACCOUNTS } from './accounts.ts';
import { type Booked, createBook } from './book.ts';
import { type Bookings, createBookings } from './bookings.ts';
import type { PostingRequest } from './posting.ts';
import {
  createReports,
  type DayEarnings,
  type HourEarnings,
  type ModelEarnings,
  type NetworkEarnings,
  type PeerEarnings,
  type QuarterEarnings,
  type Spent,
} from './reports.ts';

const PAGE = 1_000;

export interface Ledger extends Bookings {
  /**
   * Imports finished entries, all or none, durable together: for benchmarks and tests. The program records
   * events through {@link Bookings}.
   */
  postAll(requests: readonly PostingRequest[]): readonly Booked[];

  /** Balance as people read it: positive when the account has its usual sign, also for income. */
  balance(account: Account, assetId: string): Amount;
  /** Every account with its signed balance (debits positive); each asset sums to zero. */
  trialBalance(): readonly AccountBalance[];
  earned(assetId: string, span: 'today' | 'week' | 'total'): Amount;
  /** Earned money that has arrived at the payout address; other money in the wallet does not count. */
  received(assetId: string): Amount;
  /** Earned money that has not arrived at the payout address yet: owed by vouchers, or claimed. */
  pendingPayout(assetId: string): Amount;
  /** One entry per local day, oldest first, ending with today; days without income are included with zero. */
  earningsByDay(assetId: string, coinId: string, days: number): readonly DayEarnings[];
  /** The hours of the local day, 23 to 25, the coming ones included. */
  earningsByHour(assetId: string): readonly HourEarnings[];
  /** Quarters of an hour in which this machine computed for money, in the last local days, today included, oldest first. */
  earningsByQuarter(assetId: string, days: number): readonly QuarterEarnings[];
  /** Earnings of the last local days, today included, highest first. */
  earningsByModel(assetId: string, days: number): readonly ModelEarnings[];
  /** The same by the peers that bought. */
  earningsByPeer(assetId: string, days: number): readonly PeerEarnings[];
  /** Spent on bought answers in the last local days, today included, highest first. */
  spentByModel(assetId: string, days: number): readonly Spent[];
  spentByPeer(assetId: string, days: number): readonly Spent[];
  /** Earnings of the last local days, today included, by where the jobs came from. */
  earningsByNetwork(assetId: string, days: number): NetworkEarnings;
  /** The entry of an event; null when it was never recorded. */
  find(key: string): Posting | null;
  /** The lines of an entry, which take a third of the time; null when it was never recorded. */
  findLines(key: string): readonly LedgerLine[] | null;
  /** Signed sum of an account's lines for one channel. */
  sumForChannel(account: Account, channelId: string): Amount;
  /** Newest first. */
  entries(filter: { kind?: PostingKind; limit: number }): readonly Posting[];
  /** Oldest first, a page at a time, each entry with its place in the chain. */
  pages(afterSequence?: number): Iterable<readonly KeptPosting[]>;
  /** Verifies what was added since the last checkpoint; `database-corrupt` when anything is off by one unit. */
  verifyBalanced(): void;
  /** Verifies everything from the first entry without trusting any stored sum, changes nothing, and lists each difference. */
  problems(): readonly LedgerProblem[];
}

export interface LedgerParts {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly calendar: Calendar;
}

export function createLedger({ store, clock, calendar }: LedgerParts): Ledger {
  const book = createBook(store);
  const reports = createReports({ store, clock, calendar });
  const balance = (account: Account, assetId: string): Amount => {
    const value = store.balance(account, assetId);
    return ACCOUNTS[account].grows === 'debit' ? value : amount(-value);
  };
  const pendingPayout = (assetId: string): Amount =>
    amount(balance('channels:owed', assetId) + balance('contract:claimed', assetId));

  return {
    ...createBookings({ store, clock, book }),
    postAll: book.postAll,
    balance,
    trialBalance: () => store.balances(),
    earned(assetId, span) {
      if (span === 'total') return balance('income:jobs', assetId);
      return reports.earnedSince(assetId, span);
    },
    received: (assetId) =>
      amount(balance('income:jobs', assetId) + balance('income:relaying', assetId) - pendingPayout(assetId)),
    pendingPayout,
    earningsByDay: reports.byDay,
    earningsByHour: reports.byHour,
    earningsByQuarter: reports.byQuarter,
    earningsByModel: reports.byModel,
    earningsByPeer: reports.byPeer,
    spentByModel: reports.spentByModel,
    spentByPeer: reports.spentByPeer,
    earningsByNetwork: reports.byNetwork,
    find: store.find,
    findLines: store.findLines,
    sumForChannel: store.sumForChannel,
    entries: ({ kind, limit }) => store.list({ kind: kind ?? null, limit }),
    pages: (afterSequence) => pagesOf(store, afterSequence),
    verifyBalanced: () => verifyBalanced(store),
    problems: () => store.check('all'),
  };
}

function* pagesOf(store: LedgerStore, afterSequence = 0): Generator<readonly KeptPosting[], void, void> {
  for (let after = afterSequence; ; ) {
    const page = store.page(after, PAGE);
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.sequence;
  }
}

function verifyBalanced(store: LedgerStore): void {
  const problem = store.check('new')[0];
  if (problem === undefined) return;
  throw new AppError(
    'database-corrupt',
    `The ledger does not balance. ${problem.what} Nothing was changed. Run \`ledger verify\` to list every ` +
      'difference, and restore a backup of the data folder.',
    { details: { ...problem } },
  );
}
