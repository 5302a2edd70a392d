/** Records of the channels on which this provider sells. x402's server defers them, claims don't. */
import { z } from 'zod';
import { amount } from '../../../shared/money.ts';
import type { SoldChannelRecord } from '../../ports/evidence.ts';
import { IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import { noteFailure } from './chain/operation.ts';
import {
  bytesSchema,
  type Channel,
  type ChannelStorage,
  channelConfigSchema,
  channelIdSchema,
  channelKey,
  unitsSchema,
} from './wire.ts';

const SOLD = 'x402-sold-channel';
/** Time since which a channel has a balance due, in the clock of x402's server. */
const OWED_SINCE = 'x402-owed-since';

const soldSchema = z.object({
  channelId: channelIdSchema,
  channelConfig: channelConfigSchema,
  chargedCumulativeAmount: unitsSchema,
  signedMaxClaimable: unitsSchema,
  signature: bytesSchema,
  balance: unitsSchema,
  totalClaimed: unitsSchema,
  withdrawRequestedAt: z.number(),
  refundNonce: z.number(),
  onchainSyncedAt: z.number().optional(),
  lastRequestTimestamp: z.number(),
  pendingRequest: z
    .object({ pendingId: z.string(), signedMaxClaimable: unitsSchema, expiresAt: z.number() })
    .optional(),
});

/** The provider's channels. The store is synchronous, so claims use `all`, `find` and `change` directly. */
export interface SoldChannels extends ChannelStorage {
  all(): readonly Channel[];
  find(channelId: string): Channel | null;
  change(channelId: string, update: (current: Channel) => Channel): void;
  /**
   * Keeps the channel's reservation until the returned function is called. x402's server lets a reservation expire after
   * some minutes of the wall clock, and the charge of a request that lasts longer would be lost.
   */
  hold(channelId: string): () => void;
  /** In milliseconds since the epoch; null when no balance is due. */
  owedSinceMs(channel: Channel): number | null;
}

export function createSoldChannels(store: RecordStore, durability = IMMEDIATE): SoldChannels {
  /** Reservations of requests in progress, and of those that ended without a record of it. */
  const held = new Set<string>();
  const given = new Set<string>();
  const read = (text: string): Channel => soldSchema.parse(JSON.parse(text)) as Channel;
  const find = (channelId: string): Channel | null => {
    const text = store.get(SOLD, channelKey(channelId));
    return text === null ? null : read(text);
  };

  /** The channel for x402's server, with a reservation that lasts exactly as long as it is in use. */
  function seen(channel: Channel): Channel {
    const { pendingRequest } = channel;
    if (pendingRequest === undefined) return channel;
    const { pendingId } = pendingRequest;
    if (!held.has(pendingId) && !given.has(pendingId)) return channel;
    const expiresAt = held.has(pendingId) ? Number.MAX_SAFE_INTEGER : 0;
    return { ...channel, pendingRequest: { ...pendingRequest, expiresAt } };
  }

  return {
    find,
    hold(channelId) {
      const pendingId = find(channelId)?.pendingRequest?.pendingId;
      if (pendingId === undefined) return () => undefined;
      held.add(pendingId);
      return () => {
        held.delete(pendingId);
        // Nobody uses it any more, although the disk may not have taken the record of that.
        if (find(channelId)?.pendingRequest?.pendingId === pendingId) given.add(pendingId);
      };
    },
    owedSinceMs(channel) {
      if (!owes(channel)) return null;
      const since = store.get(OWED_SINCE, channelKey(channel.channelId));
      return since === null ? channel.lastRequestTimestamp : Number(since);
    },
    all: () => store.list(SOLD).map(({ value }) => read(value)),
    get: async (channelId) => find(channelId) ?? undefined,
    list: async () => store.list(SOLD).map(({ value }) => read(value)),
    change(channelId, update) {
      store.update(SOLD, channelKey(channelId), (text) =>
        text === null ? null : JSON.stringify(update(read(text))),
      );
    },
    async updateChannel(channelId, update) {
      try {
        return durability.defer(() => updateChannel(channelId, update));
      } catch (error) {
        noteFailure(error);
        throw error;
      }
    },
  };

  function updateChannel(...[channelId, update]: Parameters<ChannelStorage['updateChannel']>) {
    let result: Awaited<ReturnType<ChannelStorage['updateChannel']>> = {
      channel: undefined,
      status: 'unchanged',
    };
    store.update(SOLD, channelKey(channelId), (text) => {
      const current = text === null ? undefined : seen(read(text));
      const next = update(current);
      if (next === current) {
        result = { channel: current, status: 'unchanged' };
        return text;
      }
      if (next === undefined) {
        result = { channel: undefined, status: 'deleted' };
        return null;
      }
      result = { channel: next, status: 'updated' };
      if (owes(next) && (current === undefined || !owes(current))) {
        store.set(OWED_SINCE, channelKey(channelId), String(next.lastRequestTimestamp));
      }
      return JSON.stringify(next);
    });
    return result;
  }
}

/** True when the channel has charges that aren't claimed yet. */
export function owes(channel: Channel): boolean {
  return BigInt(channel.chargedCumulativeAmount) > BigInt(channel.totalClaimed);
}

/**
 * Frees the channels of requests that an earlier run left open: those requests will never finish. One may have been a
 * refund or a deposit that has reached the chain, so the next voucher is compared with the chain.
 */
export function clearPendingRequests(channels: SoldChannels): void {
  for (const channel of channels.all()) {
    if (channel.pendingRequest === undefined) continue;
    channels.change(channel.channelId, ({ pendingRequest: _, onchainSyncedAt: __, ...rest }) => rest);
  }
}

/** Returns the provider's channels for an audit, with the amount of the latest voucher. */
export function readSoldChannels(store: RecordStore): readonly SoldChannelRecord[] {
  return createSoldChannels(store)
    .all()
    .map((channel) => ({
      channelId: channel.channelId.toLowerCase(),
      receiver: channel.channelConfig.receiver,
      charged: amount(channel.chargedCumulativeAmount),
      promised: amount(channel.signedMaxClaimable),
    }));
}
