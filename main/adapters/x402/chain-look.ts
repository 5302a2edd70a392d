/** What the chain says about our channels: withdrawals that payers began, and claims and payouts that others sent. */
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import { CLAIM_BATCH_MAX } from '../../ports/claims.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ChainLog, Hex } from '../../ports/evm.ts';
import { owes } from './channel-storage.ts';
import type { PayoutTotals } from './payout-totals.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { callOf, pairOf, SETTLEMENT_ADDRESS } from './settlement-contract.ts';

const COLLECTION = 'x402-look';
const KEY = 'height';
/** How far back the first look goes. */
const FIRST_LOOK_BLOCKS = 10_000;

export interface ChainLook {
  /** Channels that may still be used or that owe, and these. What others claimed goes into the outbox. */
  refresh(channelIds: readonly string[]): Promise<void>;
  /** Puts a payout that somebody else sent into the outbox. */
  findPayout(): Promise<void>;
  /** Whether a claim of this channel is sent and was not told yet. */
  isUntold(channelId: string): boolean;
  claimsUntold(): Amount;
  /** What each channel is paid out now, and will be when everything claimed is. */
  marks(): readonly { channelId: string; before: Amount; after: Amount }[];
}

interface Found {
  readonly channelId: string;
  readonly amount: Amount;
  readonly claimedTotal: Amount;
  readonly chainTotal: bigint;
}

export function createChainLook(provider: ProviderChannels, totals: PayoutTotals, clock: Clock): ChainLook {
  const { options, channels, outbox } = provider;
  const { sender, store } = options;

  const claimsInOutbox = () =>
    outbox.entries().flatMap((entry) => (entry.type === 'claimed' ? entry.channels : []));
  const isUntold = (channelId: string): boolean =>
    claimsInOutbox().some((row) => row.channelId === channelId.toLowerCase());

  /** Channels that may still be used or that owe; the others cannot surprise us. */
  function alive(): readonly string[] {
    const since = clock.now() - options.withdrawDelaySeconds * 1_000;
    return channels
      .all()
      .filter((channel) => channel.lastRequestTimestamp >= since || owes(channel))
      .map((channel) => channel.channelId);
  }

  async function refresh(channelIds: readonly string[]): Promise<void> {
    const ids = [...new Set([...channelIds, ...alive()].map((id) => id.toLowerCase()))];
    const found: Found[] = [];
    for (let index = 0; index < ids.length; index += CLAIM_BATCH_MAX) {
      const batch = ids.slice(index, index + CLAIM_BATCH_MAX);
      const states = await sender.readContracts(
        batch.flatMap((id) =>
          ['channels', 'pendingWithdrawals', 'refundNonce'].map((name) => callOf(name, [id])),
        ),
      );
      batch.forEach((id, place) => {
        const [held, pending, refundNonce] = states.slice(place * 3, place * 3 + 3);
        const row = note(id, held, pending, refundNonce);
        if (row !== null) found.push(row);
      });
    }
    if (found.length > 0) await tell(found);
    // Only after what was found is written down.
    if (ids.length > 0) store.set(COLLECTION, KEY, String(await sender.height()));
  }

  /** Keeps what the chain says; a claim that nobody told us of is returned. */
  function note(channelId: string, held: unknown, pending: unknown, refundNonce: unknown): Found | null {
    const [balance, totalClaimed] = pairOf(held);
    const [, initiatedAt] = pairOf(pending);
    let found: Found | null = null;
    channels.change(channelId, (current) => {
      const known = BigInt(current.totalClaimed);
      const charged = BigInt(current.chargedCumulativeAmount);
      const claimedTotal = totalClaimed < charged ? totalClaimed : charged;
      if (claimedTotal > known && !isUntold(channelId)) {
        found = {
          channelId,
          amount: amount(claimedTotal - known),
          claimedTotal: amount(claimedTotal),
          chainTotal: totalClaimed,
        };
      }
      return {
        ...current,
        balance: balance.toString(),
        withdrawRequestedAt: Number(initiatedAt),
        refundNonce: Number(refundNonce),
        onchainSyncedAt: clock.now(),
      };
    });
    return found;
  }

  async function since(): Promise<number> {
    const known = store.get(COLLECTION, KEY);
    if (known !== null) return Number(known);
    return Math.max(0, (await sender.height()) - FIRST_LOOK_BLOCKS);
  }

  /** Claims of one transaction are one outcome, as everywhere. */
  async function tell(found: readonly Found[]): Promise<void> {
    const fromBlock = await since();
    const byHash = new Map<string, Found[]>();
    for (const row of found) {
      const logs = await sender.logs({
        address: SETTLEMENT_ADDRESS,
        topics: [null, row.channelId as Hex],
        fromBlock,
      });
      // A claim's event ends with the channel's new total.
      const log = logs.findLast(({ data }) => lastWord(data) === row.chainTotal) ?? logs.at(-1);
      if (log !== undefined) byHash.set(log.hash, [...(byHash.get(log.hash) ?? []), row]);
    }
    for (const [hash, rows] of byHash) {
      outbox.begin({
        type: 'claimed',
        hash,
        relayed: true,
        channels: rows.map(({ channelId, amount: value, claimedTotal }) => ({
          channelId,
          amount: value,
          claimedTotal,
        })),
      });
    }
  }

  const marks: ChainLook['marks'] = () =>
    channels.all().map((channel) => ({
      channelId: channel.channelId.toLowerCase(),
      before: totals.settledOf(channel.channelId),
      after: amount(channel.totalClaimed),
    }));

  return {
    refresh,
    isUntold,
    claimsUntold: () => amount(claimsInOutbox().reduce((sum, row) => sum + row.amount, 0n)),
    marks,
    async findPayout() {
      if (totals.unpaid() === ZERO) {
        // Nothing is owed to us by the contract: all that was claimed is paid out.
        for (const { channelId, after } of marks()) totals.markSettled(channelId, after);
        return;
      }
      const known = new Set([
        ...outbox.entries().map(({ hash }) => hash),
        ...outbox.booked().map(({ entry }) => entry.hash),
      ]);
      const logs: readonly ChainLog[] = await sender.logs({
        address: SETTLEMENT_ADDRESS,
        topics: [null, asTopic(options.payout), asTopic(options.network.token.address)],
        fromBlock: Math.max(0, (await since()) - FIRST_LOOK_BLOCKS),
      });
      const log = logs.findLast(({ hash, topics }) => topics.length === 4 && !known.has(hash));
      if (log === undefined) return;
      outbox.begin({ type: 'settled', hash: log.hash, relayed: true, marks: [...marks()] });
    },
  };
}

function lastWord(data: Hex): bigint | null {
  return data.length >= 66 ? BigInt(`0x${data.slice(-64)}`) : null;
}

function asTopic(address: string): Hex {
  return `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
}
