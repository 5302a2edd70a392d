/** Turns each event into a balanced entry: one pure function per event, null where no money moved. */
import { assert, forceUnwrap } from '../../../shared/assert.ts';
import { isCustomerId } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Account, LedgerLine } from '../../ports/ledger.ts';
import type { PostingRequest } from './posting.ts';

type LineRequest = Omit<LedgerLine, 'channelId'> & { channelId?: string | null };

/** Moves an amount: credits `from`, debits `to`. */
function move(
  assetId: string,
  value: Amount,
  from: Account,
  to: Account,
  channelId: string | null = null,
): LineRequest[] {
  assert(value > 0n, `an amount moved from ${from} to ${to} is positive`);
  return [
    { account: to, assetId, amount: value, channelId },
    { account: from, assetId, amount: amount(-value), channelId },
  ];
}

/**
 * Charge of a sold or bought job that ended; null when nothing was charged. Until the channel's new cumulative
 * amount is known, `charged` is only the intended amount and no money moved.
 */
export function jobEntry(job: Job, atMs: number): PostingRequest | null {
  if (job.charged === null || job.charged === '0' || job.cumulative === null) return null;
  const assetId = forceUnwrap('a charged job has an asset', job.assetId);
  const channelId = forceUnwrap('a charged job has a channel', job.channelId);
  const charged = amount(job.charged);
  const sold = job.side === 'sold';
  return {
    key: `job:${job.id}:charged`,
    atMs,
    kind: sold ? 'job-charged' : 'job-bought',
    description: sold ? `Served ${job.model}` : `Bought an answer of ${job.model}`,
    jobId: job.id,
    model: job.model,
    peer: job.peer,
    lines: chargeLines({ side: job.side, channelId, assetId, purpose: 'jobs' }, charged),
  };
}

/** Account that a sale is paid from: a channel's vouchers, or a customer's balance. */
function paidFrom(channelId: string): Account {
  return isCustomerId(channelId) ? 'customers:balance' : 'channels:owed';
}

/** Payment of a customer of the storefront in advance. */
export interface CustomerPayment {
  /** Unique: a repeated call with the same one records nothing. */
  readonly reference: string;
  readonly customerId: string;
  readonly assetId: string;
  readonly amount: Amount;
  /** Null: paid to the owner outside of the wallet. */
  readonly txHash: string | null;
  readonly atMs: number;
}

/** Key of the entry of a payment. */
export function customerPaymentKey(reference: string): string {
  return `customer:${reference}`;
}

/** Payment that arrived after its answer had ended as an unpaid one: `used` of it is income, the rest a balance. */
export function customerLateEntry(event: CustomerPayment & { readonly used: Amount }): PostingRequest | null {
  const { customerId, assetId, used } = event;
  const paid = customerPaymentEntry(event);
  if (paid === null || used === 0n) return paid;
  const charge = chargeLines({ side: 'sold', channelId: customerId, assetId, purpose: 'jobs' }, used);
  return { ...paid, description: 'Paid late for an answer', lines: [...paid.lines, ...charge] };
}

export function customerPaymentEntry(event: CustomerPayment): PostingRequest | null {
  const { reference, customerId, assetId, amount: value, txHash, atMs } = event;
  if (value === 0n) return null;
  return {
    key: customerPaymentKey(reference),
    atMs,
    kind: txHash === null ? 'customer-credited' : 'customer-paid',
    description: txHash === null ? 'Balance added for a customer' : 'Paid in advance by a customer',
    ...(txHash !== null && { txHash }),
    lines: move(
      assetId,
      value,
      'customers:balance',
      txHash === null ? 'customers:elsewhere' : 'wallet',
      customerId,
    ),
  };
}

/** Money that goes back to a customer of the storefront: the part of its balance that no job has used. */
export interface CustomerPayout {
  /** Unique: a repeated call with the same one records nothing. */
  readonly reference: string;
  readonly customerId: string;
  readonly assetId: string;
  readonly amount: Amount;
  readonly atMs: number;
}

/** Key of the entry that {@link customerPayoutEntry} makes. */
export function customerPayoutKey(reference: string): string {
  return `customer-payout:${reference}`;
}

/** The payout is ordered: from now on, its customer can't use the amount. */
export function customerPayoutEntry(event: CustomerPayout): PostingRequest {
  const { reference, customerId, assetId, amount: value, atMs } = event;
  return {
    key: customerPayoutKey(reference),
    atMs,
    kind: 'customer-payout',
    description: 'Balance of a customer to be paid out',
    lines: move(assetId, value, 'customers:payouts', 'customers:balance', customerId),
  };
}

/** The transaction of a payout is final. */
export function customerPaidOutEntry(event: CustomerPayout & { readonly txHash: string }): PostingRequest {
  const { reference, customerId, assetId, amount: value, txHash, atMs } = event;
  return {
    key: `customer-paid-out:${reference}`,
    atMs,
    kind: 'customer-paid-out',
    description: 'Paid out to a customer',
    txHash,
    lines: move(assetId, value, 'wallet', 'customers:payouts', customerId),
  };
}

/** The owner paid it back outside of the wallet. */
export function customerPaidBackEntry(event: CustomerPayout): PostingRequest {
  const { reference, customerId, assetId, amount: value, atMs } = event;
  return {
    key: `customer-paid-back:${reference}`,
    atMs,
    kind: 'customer-paid-back',
    description: 'Paid back to a customer outside of the wallet',
    lines: move(assetId, value, 'customers:elsewhere', 'customers:balance', customerId),
  };
}

/** Kudos that a Horde gave for a job; null for none. They are no money, so the job itself has no charge. */
export interface KudosEvent {
  readonly job: Pick<Job, 'id' | 'model' | 'peer'>;
  readonly assetId: string;
  readonly amount: Amount;
  readonly atMs: number;
}

export function kudosEntry({ job, assetId, amount, atMs }: KudosEvent): PostingRequest | null {
  if (amount === 0n) return null;
  return {
    key: `job:${job.id}:kudos`,
    atMs,
    kind: 'kudos',
    description: `Answered for the AI Horde with ${job.model}`,
    jobId: job.id,
    model: job.model,
    peer: job.peer,
    lines: move(assetId, amount, 'income:jobs', 'standing'),
  };
}

/** Purpose of a payment channel: which income or expense its charges are. */
export type ChannelPurpose = 'jobs' | 'relaying';

/** One step of relayed bytes that a peer bought here, or that this machine bought. */
export interface RelayingCharge {
  readonly side: Job['side'];
  readonly peer: string;
  readonly channelId: string;
  readonly assetId: string;
  readonly amount: Amount;
  /** The channel's cumulative charge after it, which makes it unique. */
  readonly cumulative: Amount;
  readonly atMs: number;
}

export function relayingEntry(event: RelayingCharge): PostingRequest | null {
  const { side, peer, channelId, assetId, amount: value, cumulative, atMs } = event;
  if (value === 0n) return null;
  const sold = side === 'sold';
  return {
    key: `relaying:${side}:${channelId}:${cumulative}`,
    atMs,
    kind: sold ? 'relaying-charged' : 'relaying-bought',
    description: sold ? 'Forwarded for a machine' : 'Reached over a relay',
    peer,
    lines: chargeLines({ side, channelId, assetId, purpose: 'relaying' }, value),
  };
}

/** The lines of a charge: income that the channel owes, or an expense of its deposit. */
function chargeLines(
  charge: {
    readonly side: Job['side'];
    readonly channelId: string;
    readonly assetId: string;
    readonly purpose: ChannelPurpose;
  },
  value: Amount,
): LineRequest[] {
  const { side, channelId, assetId, purpose } = charge;
  if (side === 'sold') {
    const income = purpose === 'relaying' ? 'income:relaying' : 'income:jobs';
    return move(assetId, value, income, paidFrom(channelId), channelId);
  }
  const expense = purpose === 'relaying' ? 'expense:relaying' : 'expense:inference';
  return move(assetId, value, 'channels:deposited', expense, channelId);
}

export interface ChannelAmount {
  readonly channelId: string;
  readonly amount: Amount;
}

/** Claim transaction; each amount is what it added to the channel's claimed total. */
export function claimEntry(event: {
  txHash: string;
  channels: readonly ChannelAmount[];
  assetId: string;
  atMs: number;
}): PostingRequest | null {
  const channels = event.channels.filter((channel) => channel.amount !== 0n);
  if (channels.length === 0) return null;
  return {
    key: `claim:${event.txHash}`,
    atMs: event.atMs,
    kind: 'channels-claimed',
    description: `Claimed from ${channels.length === 1 ? 'one channel' : `${channels.length} channels`}`,
    txHash: event.txHash,
    lines: channels.flatMap((channel) =>
      move(event.assetId, channel.amount, 'channels:owed', 'contract:claimed', channel.channelId),
    ),
  };
}

/** Facts of an event that moves one amount in one transaction. */
export interface TransferEvent {
  readonly txHash: string;
  readonly assetId: string;
  readonly amount: Amount;
  readonly atMs: number;
}

/** Payout: claimed money arrived at the payout address. */
export function payoutEntry(event: TransferEvent): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `settle:${event.txHash}`,
    atMs: event.atMs,
    kind: 'payout',
    description: 'Paid out to the wallet',
    txHash: event.txHash,
    lines: move(event.assetId, event.amount, 'contract:claimed', 'wallet'),
  };
}

/** Fee of one of our own transactions, in the chain's native coin. */
export function feeEntry(event: TransferEvent): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `fee:${event.txHash}`,
    atMs: event.atMs,
    kind: 'network-fee',
    description: 'Network fee',
    txHash: event.txHash,
    lines: move(event.assetId, event.amount, 'wallet', 'fees:network'),
  };
}

/** Transfer that the owner sent from the wallet to another address. */
export function sentEntry(event: TransferEvent): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `sent:${event.txHash}`,
    atMs: event.atMs,
    kind: 'sent',
    description: 'Sent from the wallet',
    txHash: event.txHash,
    lines: move(event.assetId, event.amount, 'wallet', 'equity:sent'),
  };
}

/** Buyer's deposit into a payment channel. */
export function depositEntry(event: TransferEvent & { channelId: string }): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `deposit:${event.txHash}:${event.channelId}`,
    atMs: event.atMs,
    kind: 'channel-deposit',
    description: 'Deposited to a channel',
    txHash: event.txHash,
    lines: move(event.assetId, event.amount, 'wallet', 'channels:deposited', event.channelId),
  };
}

/**
 * Buyer's deposit that the chain has and the ledger lacks; its transaction is unknown. `total` is the channel's whole
 * deposit according to the chain, `amount` the part that the ledger lacks.
 */
export interface FoundDeposit {
  readonly channelId: string;
  readonly assetId: string;
  readonly total: Amount;
  readonly amount: Amount;
  readonly atMs: number;
}

export function foundDepositEntry(event: FoundDeposit): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `deposit:${event.channelId}:${event.total}:${event.atMs}`,
    atMs: event.atMs,
    kind: 'channel-deposit',
    description: 'Deposited to a channel, found on the chain',
    lines: move(event.assetId, event.amount, 'wallet', 'channels:deposited', event.channelId),
  };
}

/** Refund to the buyer of what was left in a payment channel. */
export function refundEntry(event: TransferEvent & { channelId: string }): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `refund:${event.txHash}:${event.channelId}`,
    atMs: event.atMs,
    kind: 'channel-refund',
    description: 'Refunded from a channel',
    txHash: event.txHash,
    lines: move(event.assetId, event.amount, 'channels:deposited', 'wallet', event.channelId),
  };
}

/** Money that no job earned: from a faucet, or present when the ledger was opened. */
export function endowmentEntry(
  source: 'faucet' | 'opening',
  event: { reference: string; assetId: string; amount: Amount; atMs: number },
): PostingRequest | null {
  if (event.amount === 0n) return null;
  return {
    key: `${source}:${event.reference}:${event.assetId}`,
    atMs: event.atMs,
    kind: source,
    description: source === 'faucet' ? 'Received from the faucet' : 'Opening balance',
    lines: move(event.assetId, event.amount, `equity:${source}`, 'wallet'),
  };
}

/**
 * Charge that the channel's own records have and the ledger lacks: the process stopped between charging a job and
 * recording it, or a buyer never received the confirmation. `total` is everything ever charged on the channel,
 * `booked` is what the ledger has of it. Fails with `database-corrupt` where `booked` exceeds `total`.
 */
export function recoveredEntry(event: {
  side: Job['side'];
  channelId: string;
  assetId: string;
  total: Amount;
  booked: Amount;
  purpose: ChannelPurpose;
  atMs: number;
}): PostingRequest | null {
  const { side, channelId, assetId, total, booked, purpose, atMs } = event;
  if (booked > total) {
    throw new AppError(
      'database-corrupt',
      'The ledger records more for a channel than was ever charged on it. Nothing was changed. Keep the database.',
      { details: { channelId, assetId, side, booked: booked.toString(), charged: total.toString() } },
    );
  }
  if (booked === total) return null;
  const missing = amount(total - booked);
  return {
    key: `channel:${channelId}:${side}:${total}`,
    atMs,
    kind: 'charge-recovered',
    description: 'Charged before an unexpected stop',
    lines: chargeLines({ side, channelId, assetId, purpose }, missing),
  };
}
