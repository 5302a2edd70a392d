/** The only place where money is counted: double entry, immutable, idempotent. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Account, AccountBalance, LedgerStore, Posting, PostingKind } from '../../ports/ledger.ts';
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
import { isSameEvent, type PostingRequest, reversalOf, sumsByAsset, toPosting } from './posting.ts';

export { ACCOUNT_NAMES, ACCOUNTS } from './accounts.ts';
export type { ChannelAmount, TransferEvent } from './bookings.ts';
export type { PostingRequest } from './posting.ts';

/** `repeated`: the same event was booked before. `nothing`: no money moved. */
export type Booked = 'posted' | 'repeated' | 'nothing';

export interface DayEarnings {
  /** Local calendar day, `YYYY-MM-DD`. */
  readonly day: string;
  readonly earned: Amount;
  /** Jobs that were charged. */
  readonly jobs: number;
  /** Fees in base units of the chain's coin. */
  readonly feesCoin: Amount;
}

export interface ModelEarnings {
  readonly model: string;
  readonly earned: Amount;
  readonly jobs: number;
}

/** An event without the time it happened at, which is now unless it is given. */
type Undated<Event> = Omit<Event, 'atMs'> & { readonly atMs?: number };

export interface Ledger {
  /** Books one event once; the same key with other content is an assertion failure. */
  post(request: PostingRequest): Booked;
  /** All or none, durable together: the way to book many cheaply. */
  postAll(requests: readonly PostingRequest[]): readonly Booked[];
  /** Takes a posting back by its opposite. A posting is reversed once; a reversal not at all. */
  reverse(key: string, reason: string): Booked;

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
  /** Newest first. */
  entries(filter: { kind?: PostingKind; limit: number }): readonly Posting[];
  /** Adds every line up anew and compares; `database-corrupt` when anything is off by one unit. */
  verifyBalanced(): void;
}

export interface LedgerParts {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly calendar: Calendar;
}

export function createLedger({ store, clock, calendar }: LedgerParts): Ledger {
  const book = (posting: Posting): Booked => {
    const known = store.find(posting.key);
    if (known === null) {
      store.append(posting);
      return 'posted';
    }
    assert(isSameEvent(known, posting), `the key ${posting.key} was booked before with other content`);
    return 'repeated';
  };
  const post = (request: PostingRequest): Booked => book(toPosting(request));
  const postIfAny = (request: PostingRequest | null): Booked =>
    request === null ? 'nothing' : post(request);
  const dated = <Event extends { readonly atMs?: number }>(event: Event) => ({
    ...event,
    atMs: event.atMs ?? clock.now(),
  });
  const balance = (account: Account, assetId: string): Amount => {
    const row = store.balances().find((entry) => entry.account === account && entry.assetId === assetId);
    if (row === undefined) return ZERO;
    return ACCOUNTS[account].grows === 'debit' ? row.amount : amount(-row.amount);
  };
  const bookedOnChannel = (side: Job['side'], channelId: string): Amount =>
    side === 'sold'
      ? amount(-store.sumForChannel('income:jobs', channelId))
      : store.sumForChannel('expense:inference', channelId);
  const dayStarts = (days: number): number[] => {
    const starts = [calendar.startOfDay(clock.now())];
    while (starts.length < days) starts.unshift(calendar.startOfDay((starts[0] ?? 0) - 1));
    return starts;
  };

  return {
    post,
    postAll: (requests) => store.transaction(() => requests.map(post)),
    reverse(key, reason) {
      const original = store.find(key);
      if (original === null)
        throw new AppError('not-found', 'There is no entry with this key.', { details: { key } });
      assert(original.kind !== 'reversal', `a reversal is not reversed: ${key}`);
      return book(reversalOf(original, clock.now(), reason));
    },

    jobCharged: (job) => postIfAny(jobBooking(job, job.endedAtMs ?? clock.now())),
    channelsClaimed: (event) => postIfAny(claimBooking(dated(event))),
    paidOut: (event) => postIfAny(payoutBooking(dated(event))),
    networkFee: (event) => postIfAny(feeBooking(dated(event))),
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
      const now = clock.now();
      const fromMs = span === 'today' ? calendar.startOfDay(now) : calendar.startOfWeek(now);
      return amount(-store.sum('income:jobs', assetId, fromMs, Number.MAX_SAFE_INTEGER));
    },
    received: (assetId) =>
      amount(
        balance('income:jobs', assetId) -
          balance('channels:owed', assetId) -
          balance('contract:claimed', assetId),
      ),
    earningsByDay(assetId, coinId, days) {
      assert(days >= 1, 'at least one day');
      const starts = dayStarts(days);
      return starts.map((fromMs, index) => {
        const toMs = starts[index + 1] ?? Number.MAX_SAFE_INTEGER;
        let earned = 0n;
        let jobs = 0;
        for (const line of store.lines('income:jobs', assetId, fromMs, toMs)) {
          earned -= line.amount;
          if (line.kind === 'job-charged') jobs += 1;
        }
        const feesCoin = store.sum('fees:network', coinId, fromMs, toMs);
        return { day: calendar.day(fromMs), earned: amount(earned), jobs, feesCoin };
      });
    },
    earningsByModel(assetId, days) {
      assert(days >= 1, 'at least one day');
      const models = new Map<string, { earned: bigint; jobs: number }>();
      const fromMs = dayStarts(days)[0] ?? 0;
      for (const line of store.lines('income:jobs', assetId, fromMs, Number.MAX_SAFE_INTEGER)) {
        if (line.model === null) continue;
        const sum = models.get(line.model) ?? { earned: 0n, jobs: 0 };
        sum.earned -= line.amount;
        if (line.kind === 'job-charged') sum.jobs += 1;
        models.set(line.model, sum);
      }
      return [...models]
        .map(([model, { earned, jobs }]) => ({ model, earned: amount(earned), jobs }))
        .sort((left, right) => (left.earned === right.earned ? 0 : left.earned < right.earned ? 1 : -1));
    },
    entries: ({ kind, limit }) => store.list({ kind: kind ?? null, limit }),
    verifyBalanced() {
      const counted = store.recount();
      for (const [assetId, sum] of sumsByAsset(counted)) {
        if (sum !== 0n) throw outOfBalance(`The entries in ${assetId} sum to ${sum} instead of zero.`);
      }
      const text = (balances: readonly AccountBalance[]) =>
        balances.map((entry) => `${entry.account} ${entry.assetId} ${entry.amount}`).join('\n');
      if (text(counted) !== text(store.balances())) {
        throw outOfBalance('The running balances differ from the sum of the entries.');
      }
    },
  };
}

function outOfBalance(reason: string): AppError {
  return new AppError(
    'database-corrupt',
    `The books do not balance. ${reason} Restore a backup of the database.`,
  );
}
