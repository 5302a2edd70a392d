/** Records events in the ledger by name: the only caller of `Book.post`, so every kind of entry is listed here. */
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Account, LedgerStore } from '../../ports/ledger.ts';
import type { Book, Booked } from './book.ts';
import {
  type ChannelAmount,
  type ChannelPurpose,
  type CustomerPayment,
  type CustomerPayout,
  claimEntry,
  customerLateEntry,
  customerPaidBackEntry,
  customerPaidOutEntry,
  customerPaymentEntry,
  customerPaymentKey,
  customerPayoutEntry,
  customerPayoutKey,
  depositEntry,
  endowmentEntry,
  type FoundDeposit,
  feeEntry,
  foundDepositEntry,
  jobEntry,
  type KudosEvent,
  kudosEntry,
  payoutEntry,
  type RelayingCharge,
  recoveredEntry,
  refundEntry,
  relayingEntry,
  sentEntry,
  type TransferEvent,
} from './entries.ts';
import type { PostingRequest } from './posting.ts';

/** An event without its time, which defaults to now. */
type Undated<Event> = Omit<Event, 'atMs'> & { readonly atMs?: number };

interface Endowment {
  /** Makes the event unique, e.g. a transaction's hash. */
  readonly reference: string;
  readonly assetId: string;
  readonly amount: Amount;
  readonly atMs: number;
}

export interface Bookings {
  /** Records the charge of a job that ended: income when sold, expense when bought. Called by core/jobs. */
  jobCharged(job: Job): Booked;
  /** Records a step of relayed bytes, once: income when this machine forwarded, expense when it was reached. */
  relayingCharged(event: Undated<RelayingCharge>): Booked;
  /** Records the kudos for a job, once. */
  kudosReceived(event: Undated<KudosEvent>): Booked;
  channelsClaimed(
    event: Undated<{ txHash: string; channels: readonly ChannelAmount[]; assetId: string; atMs: number }>,
  ): Booked;
  paidOut(event: Undated<TransferEvent>): Booked;
  /** `assetId` is the chain's native coin. */
  networkFee(event: Undated<TransferEvent>): Booked;
  /** The owner sent money from the wallet; the fee is an entry of its own. */
  sent(event: Undated<TransferEvent>): Booked;
  deposited(event: Undated<TransferEvent & { channelId: string }>): Booked;
  /** Records a deposit that the chain shows and no confirmation named. Each call is an event of its own. */
  depositFound(event: Undated<FoundDeposit>): Booked;
  refunded(event: Undated<TransferEvent & { channelId: string }>): Booked;
  faucet(event: Undated<Endowment>): Booked;
  opening(event: Undated<Endowment>): Booked;
  /** A customer of the storefront paid in advance. */
  customerPaid(event: Undated<CustomerPayment>): Booked;
  /**
   * A customer paid for an answer that was given as an unpaid one; `used` is what it cost. If the payment was recorded before
   * in any way, so was the charge, and nothing is recorded.
   */
  customerPaidLate(event: Undated<CustomerPayment & { readonly used: Amount }>): Booked;
  /** True if a customer's payment was recorded, in time or late. */
  hasPayment(reference: string): boolean;
  /** A payout of a customer's balance is ordered: the amount leaves the balance now. */
  customerPayoutOrdered(event: Undated<CustomerPayout>): Booked;
  /** Its transaction is final. */
  customerPaidOut(event: Undated<CustomerPayout & { readonly txHash: string }>): Booked;
  /** Nothing was paid out: the amount is the customer's balance again. */
  customerPayoutReturned(reference: string, reason: string): Booked;
  /** The owner paid a balance back outside of the wallet. */
  customerPaidBack(event: Undated<CustomerPayout>): Booked;
  /** Part of what a customer paid that no job has used and no payout has taken. */
  customerBalance(customerId: string): Amount;
  /** Part of what a customer paid whose payout is ordered and neither final nor returned. */
  customerInPayout(customerId: string): Amount;
  /** Customers with a balance whose IDs begin with this, those with the largest balances first. */
  customerBalances(prefix: string, limit: number): readonly { customerId: string; balance: Amount }[];
  /**
   * Records what a channel charged and a crash kept from the ledger; `total` is everything it ever charged. For
   * sold channels only at start, before the first job: a job that is being charged would be recorded twice. Fails
   * with `database-corrupt` when more was recorded than charged. `purpose`: jobs by default.
   */
  recoverCharges(
    event: Undated<{ side: Job['side']; channelId: string; assetId: string; total: Amount; atMs: number }> & {
      readonly purpose?: ChannelPurpose;
    },
  ): Booked;
  /** Part of a channel's charges that the ledger has. */
  bookedOnChannel(side: Job['side'], channelId: string): Amount;
  /** Reverses an entry. An entry is reversed once, a reversal never. Fails with `not-found`. */
  reverse(key: string, reason: string): Booked;
  /** Reverses what a dropped transaction claimed or paid out, with its fee. Repeating it changes nothing. */
  undo(txHash: string, reason: string): void;
}

export function createBookings(parts: {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly book: Book;
}): Bookings {
  const { store, clock, book } = parts;
  const postIfAny = (request: PostingRequest | null, keyFor = (key: string) => key): Booked =>
    request === null ? 'nothing' : book.post({ ...request, key: keyFor(request.key) });
  /** A transaction that was dropped and came back under the same hash is recorded again, under its next key. */
  const activeKey = (key: string): string => {
    let active = key;
    for (let time = 2; store.find(`reversal:${active}`) !== null; time += 1) active = `${key}#${time}`;
    return active;
  };
  const dated = <Event extends { readonly atMs?: number }>(event: Event) => ({
    ...event,
    atMs: event.atMs ?? clock.now(),
  });
  const bookedOnChannel = (side: Job['side'], channelId: string): Amount => {
    const sum = (accounts: readonly Account[]) =>
      accounts.reduce((total, account) => total + store.sumForChannel(account, channelId), 0n);
    return side === 'sold'
      ? amount(-sum(['income:jobs', 'income:relaying']))
      : amount(sum(['expense:inference', 'expense:relaying']));
  };

  const hasPayment = (reference: string) => store.findLines(customerPaymentKey(reference)) !== null;

  return {
    jobCharged: (job) => postIfAny(jobEntry(job, job.endedAtMs ?? clock.now())),
    relayingCharged: (event) => postIfAny(relayingEntry(dated(event))),
    kudosReceived: (event) => postIfAny(kudosEntry(dated(event))),
    channelsClaimed: (event) => postIfAny(claimEntry(dated(event)), activeKey),
    paidOut: (event) => postIfAny(payoutEntry(dated(event)), activeKey),
    networkFee: (event) => postIfAny(feeEntry(dated(event)), activeKey),
    sent: (event) => postIfAny(sentEntry(dated(event))),
    deposited: (event) => postIfAny(depositEntry(dated(event))),
    depositFound: (event) => postIfAny(foundDepositEntry(dated(event))),
    refunded: (event) => postIfAny(refundEntry(dated(event))),
    faucet: (event) => postIfAny(endowmentEntry('faucet', dated(event))),
    opening: (event) => postIfAny(endowmentEntry('opening', dated(event))),
    customerPaid: (event) => postIfAny(customerPaymentEntry(dated(event))),
    customerPaidLate: (event) =>
      hasPayment(event.reference) ? 'repeated' : postIfAny(customerLateEntry(dated(event))),
    hasPayment,
    customerPayoutOrdered: (event) => book.post(customerPayoutEntry(dated(event))),
    customerPaidOut: (event) => book.post(customerPaidOutEntry(dated(event))),
    customerPayoutReturned(reference, reason) {
      const ordered = store.find(customerPayoutKey(reference));
      return ordered === null ? 'nothing' : book.reverse(ordered, clock.now(), reason);
    },
    customerPaidBack: (event) => book.post(customerPaidBackEntry(dated(event))),
    customerBalance: (customerId) => amount(-store.sumForChannel('customers:balance', customerId)),
    customerInPayout: (customerId) => amount(-store.sumForChannel('customers:payouts', customerId)),
    customerBalances: (prefix, limit) =>
      store
        .channelsWith('customers:balance', prefix, limit)
        .map(({ channelId, sum }) => ({ customerId: channelId, balance: amount(-sum) })),
    recoverCharges: (event) =>
      store.transaction(() => {
        const booked = bookedOnChannel(event.side, event.channelId);
        return postIfAny(recoveredEntry({ purpose: 'jobs', ...dated(event), booked }));
      }),
    bookedOnChannel,
    reverse(key, reason) {
      const original = store.find(key);
      if (original === null) {
        throw new AppError('not-found', `Ledger entry "${key}" not found.`, { details: { key } });
      }
      assert(original.kind !== 'reversal', `a reversal is not reversed: ${key}`);
      return book.reverse(original, clock.now(), reason);
    },
    undo: (txHash, reason) =>
      store.transaction(() => {
        for (const event of ['settle', 'claim', 'fee']) {
          const active = store.find(activeKey(`${event}:${txHash}`));
          if (active !== null) book.reverse(active, clock.now(), reason);
        }
      }),
  };
}
