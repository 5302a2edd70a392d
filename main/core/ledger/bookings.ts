/** Which event is booked on which accounts: one pure function per event, null where no money moved. */
import { assert, forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Account, LedgerLine } from '../../ports/ledger.ts';
import type { PostingRequest } from './posting.ts';

type LineRequest = Omit<LedgerLine, 'channelId'> & { channelId?: string | null };

/** Moves an amount: credited on `from`, debited on `to`. */
function move(
  assetId: string,
  value: Amount,
  from: Account,
  to: Account,
  channelId: string | null = null,
): LineRequest[] {
  assert(value > 0n, `what is booked from ${from} to ${to} is more than zero`);
  return [
    { account: to, assetId, amount: value, channelId },
    { account: from, assetId, amount: amount(-value), channelId },
  ];
}

/**
 * A job of either side that ended with a charge; null when nothing was charged. Until the channel's new
 * cumulative amount is known, `charged` is only what was intended, and no money moved.
 */
export function jobBooking(job: Job, atMs: number): PostingRequest | null {
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
    lines: sold
      ? move(assetId, charged, 'income:jobs', 'channels:owed', channelId)
      : move(assetId, charged, 'channels:deposited', 'expense:inference', channelId),
  };
}

export interface ChannelAmount {
  readonly channelId: string;
  readonly amount: Amount;
}

/** A claim transaction; its amounts are what it added to the channels' claimed totals. */
export function claimBooking(event: {
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

/** What an event of one amount in one transaction brings. */
export interface TransferEvent {
  readonly txHash: string;
  readonly assetId: string;
  readonly amount: Amount;
  readonly atMs: number;
}

/** What was claimed came to the payout address. */
export function payoutBooking(event: TransferEvent): PostingRequest | null {
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

/** The fee of a transaction of ours, in the chain's coin. */
export function feeBooking(event: TransferEvent): PostingRequest | null {
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

/** As a buyer: money put into a channel. */
export function depositBooking(event: TransferEvent & { channelId: string }): PostingRequest | null {
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

/** As a buyer: what was left in a channel came back. */
export function refundBooking(event: TransferEvent & { channelId: string }): PostingRequest | null {
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

/** Money that came without work: from a faucet, or there already when the books were opened. */
export function endowmentBooking(
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
 * A charge that the channel's books have and these do not: we stopped between charging a job and booking
 * it, or as a buyer never heard of it. `total` is all that was ever charged on the channel, `booked` what
 * was booked of it.
 */
export function recoveredBooking(event: {
  side: Job['side'];
  channelId: string;
  assetId: string;
  total: Amount;
  booked: Amount;
  atMs: number;
}): PostingRequest | null {
  const { side, channelId, assetId, total, booked, atMs } = event;
  if (booked > total) {
    throw new AppError(
      'database-corrupt',
      'More was booked for a channel than was ever charged on it. Nothing was changed; keep the database.',
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
    lines:
      side === 'sold'
        ? move(assetId, missing, 'income:jobs', 'channels:owed', channelId)
        : move(assetId, missing, 'channels:deposited', 'expense:inference', channelId),
  };
}
