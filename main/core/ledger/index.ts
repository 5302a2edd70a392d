/** The only place where money is counted: double entry, immutable, idempotent. */
import { assert, forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  Account,
  AccountBalance,
  KeptPosting,
  LedgerProblem,
  LedgerStore,
  Posting,
  PostingKind,
} from '../../ports/ledger.ts';
import type { Calendar } from '../calendar/index.ts';
import { ACCOUNTS } from './accounts.ts';
import {
  type ChannelAmount,
  claimBooking,
  depositBooking,
  endowmentBooking,
  feeBooking,
  jobBooking,
  payoutBooking,
  recoveredBooking,
  refundBooking,
  type TransferEvent,
} from './bookings.ts';
import { isSameEvent, type PostingRequest, refuseNegative, reversalOf, toPosting } from './posting.ts';
import {
  createReports,
  type DayEarnings,
  type ModelEarnings,
  type NetworkEarnings,
  type PeerEarnings,
} from './reports.ts';

export { ACCOUNT_NAMES, ACCOUNTS } from './accounts.ts';
export type { ChannelAmount, TransferEvent } from './bookings.ts';
export type { PostingRequest } from './posting.ts';
export type { DayEarnings, ModelEarnings, NetworkEarnings, PeerEarnings } from './reports.ts';

/** `repeated`: the same event was booked before. `nothing`: no money moved. */
export type Booked = 'posted' | 'repeated' | 'nothing';

const PAGE = 1_000;

/** An event without the time it happened at, which is now unless it is given. */
type Undated<Event> = Omit<Event, 'atMs'> & { readonly atMs?: number };

export interface Ledger {
  /** Books one event once; the same key with other content is an assertion failure. */
  post(request: PostingRequest): Booked;
  /** All or none, durable together: the way to book many cheaply. */
  postAll(requests: readonly PostingRequest[]): readonly Booked[];
  /** Takes a posting back by its opposite. A posting is reversed once; a reversal not at all. */
  reverse(key: string, reason: string): Booked;
  /** Takes back what a transaction claimed or paid out, with its fee: the chain has dropped it. Twice is once. */
  undo(txHash: string, reason: string): void;

  /** Books the charge of a job that ended: income when sold, expense when bought. core/jobs calls it. */
  jobCharged(job: Job): Booked;
  channelsClaimed(
    event: Undated<{ txHash: string; channels: readonly ChannelAmount[]; assetId: string; atMs: number }>,
  ): Booked;
  paidOut(event: Undated<TransferEvent>): Booked;
  /** `assetId` is the chain's coin. */
  networkFee(event: Undated<TransferEvent>): Booked;
  deposited(event: Undated<TransferEvent & { channelId: string }>): Booked;
  refunded(event: Undated<TransferEvent & { channelId: string }>): Booked;
  /** `reference` makes it happen once, e.g. the transaction's hash. */
  faucet(event: Undated<{ reference: string; assetId: string; amount: Amount; atMs: number }>): Booked;
  opening(event: Undated<{ reference: string; assetId: string; amount: Amount; atMs: number }>): Booked;
  /**
   * Books what a channel charged and a crash kept from the books; `total` is all it ever charged. Only at
   * start, before the first job: a job that is just being charged would be booked twice. Fails with
   * `database-corrupt` when more was booked than charged.
   */
  recoverCharges(
    event: Undated<{ side: Job['side']; channelId: string; assetId: string; total: Amount; atMs: number }>,
  ): Booked;
  /** What was booked of a channel's charges so far. */
  bookedOnChannel(side: Job['side'], channelId: string): Amount;

  /** As people read it: positive when the account holds what it is for, also for income. */
  balance(account: Account, assetId: string): Amount;
  /** Every account with its signed balance (debits positive); each asset sums to zero. */
  trialBalance(): readonly AccountBalance[];
  earned(assetId: string, span: 'today' | 'week' | 'total'): Amount;
  /** What was earned and has come to the payout address; other money in the wallet does not count. */
  received(assetId: string): Amount;
  /** One entry per local day, oldest first, the last is today; days without income are there with zero. */
  earningsByDay(assetId: string, coinId: string, days: number): readonly DayEarnings[];
  /** Over the last local days, today included, highest first. */
  earningsByModel(assetId: string, days: number): readonly ModelEarnings[];
  /** The same by the peers that bought. */
  earningsByPeer(assetId: string, days: number): readonly PeerEarnings[];
  /** The same for every asset that ever was income, by the network that its id names. */
  earningsByNetwork(days: number): readonly NetworkEarnings[];
  /** The posting of an event; null when it was never booked. */
  find(key: string): Posting | null;
  /** Signed sum of an account's lines for one channel. */
  sumForChannel(account: Account, channelId: string): Amount;
  /** Newest first. */
  entries(filter: { kind?: PostingKind; limit: number }): readonly Posting[];
  /** Oldest first, a page at a time, each in its place in the chain. */
  pages(afterSequence?: number): Iterable<readonly KeptPosting[]>;
  /** Adds up what came since the last checkpoint; `database-corrupt` when anything is off by one unit. */
  verifyBalanced(): void;
  /** Adds everything up anew, trusts nothing, changes nothing, and names what is not as it was written. */
  problems(): readonly LedgerProblem[];
}

export interface LedgerParts {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly calendar: Calendar;
}

export function createLedger({ store, clock, calendar }: LedgerParts): Ledger {
  /** Books those that are new, all or none. Nothing comes between: this is one process, and all of it waits. */
  const book = (postings: readonly Posting[]): Booked[] => {
    const fresh = new Map<string, Posting>();
    const taken = store.taken(postings.map(({ key }) => key));
    const booked = postings.map((posting) => {
      const known = fresh.get(posting.key) ?? (taken.has(posting.key) ? store.find(posting.key) : null);
      if (known === null) {
        fresh.set(posting.key, posting);
        return 'posted';
      }
      assert(isSameEvent(known, posting), `the key ${posting.key} was booked before with other content`);
      return 'repeated';
    });
    refuseNegative([...fresh.values()], store.balance);
    if (fresh.size > 0) store.append([...fresh.values()]);
    return booked;
  };
  const bookOne = (posting: Posting): Booked => forceUnwrap('one was booked', book([posting])[0]);
  const post = (request: PostingRequest): Booked => bookOne(toPosting(request));
  const postIfAny = (request: PostingRequest | null, keyFor = (key: string) => key): Booked =>
    request === null ? 'nothing' : post({ ...request, key: keyFor(request.key) });
  /** A transaction that was dropped and came back under the same hash is booked anew, under its next key. */
  const standingKey = (key: string): string => {
    let standing = key;
    for (let time = 2; store.find(`reversal:${standing}`) !== null; time += 1) standing = `${key}#${time}`;
    return standing;
  };
  const dated = <Event extends { readonly atMs?: number }>(event: Event) => ({
    ...event,
    atMs: event.atMs ?? clock.now(),
  });
  const balance = (account: Account, assetId: string): Amount => {
    const value = store.balance(account, assetId);
    return ACCOUNTS[account].grows === 'debit' ? value : amount(-value);
  };
  const bookedOnChannel = (side: Job['side'], channelId: string): Amount =>
    side === 'sold'
      ? amount(-store.sumForChannel('income:jobs', channelId))
      : store.sumForChannel('expense:inference', channelId);
  const reports = createReports({ store, clock, calendar });

  return {
    post,
    postAll: (requests) => book(requests.map(toPosting)),
    reverse(key, reason) {
      const original = store.find(key);
      if (original === null)
        throw new AppError('not-found', 'There is no entry with this key.', { details: { key } });
      assert(original.kind !== 'reversal', `a reversal is not reversed: ${key}`);
      return bookOne(reversalOf(original, clock.now(), reason));
    },

    jobCharged: (job) => postIfAny(jobBooking(job, job.endedAtMs ?? clock.now())),
    undo: (txHash, reason) =>
      store.transaction(() => {
        for (const event of ['settle', 'claim', 'fee']) {
          const standing = store.find(standingKey(`${event}:${txHash}`));
          if (standing !== null) bookOne(reversalOf(standing, clock.now(), reason));
        }
      }),
    channelsClaimed: (event) => postIfAny(claimBooking(dated(event)), standingKey),
    paidOut: (event) => postIfAny(payoutBooking(dated(event)), standingKey),
    networkFee: (event) => postIfAny(feeBooking(dated(event)), standingKey),
    deposited: (event) => postIfAny(depositBooking(dated(event))),
    refunded: (event) => postIfAny(refundBooking(dated(event))),
    faucet: (event) => postIfAny(endowmentBooking('faucet', dated(event))),
    opening: (event) => postIfAny(endowmentBooking('opening', dated(event))),
    recoverCharges: (event) =>
      store.transaction(() => {
        const booked = bookedOnChannel(event.side, event.channelId);
        return postIfAny(recoveredBooking({ ...dated(event), booked }));
      }),
    bookedOnChannel,

    balance,
    trialBalance: () => store.balances(),
    earned(assetId, span) {
      if (span === 'total') return balance('income:jobs', assetId);
      return reports.earnedSince(assetId, span);
    },
    received: (assetId) =>
      amount(
        balance('income:jobs', assetId) -
          balance('channels:owed', assetId) -
          balance('contract:claimed', assetId),
      ),
    earningsByDay: reports.byDay,
    earningsByModel: reports.byModel,
    earningsByPeer: reports.byPeer,
    earningsByNetwork: reports.byNetwork,
    find: store.find,
    sumForChannel: store.sumForChannel,
    entries: ({ kind, limit }) => store.list({ kind: kind ?? null, limit }),
    *pages(afterSequence = 0) {
      for (let after = afterSequence; ; ) {
        const page = store.page(after, PAGE);
        yield page;
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        after = last.sequence;
      }
    },
    verifyBalanced() {
      const problem = store.check('new')[0];
      if (problem === undefined) return;
      throw new AppError(
        'database-corrupt',
        `The books do not balance. ${problem.what} Nothing was changed; \`ledger verify\` names every ` +
          'difference. Restore a backup of the home.',
        { details: { ...problem } },
      );
    },
    problems: () => store.check('all'),
  };
}
