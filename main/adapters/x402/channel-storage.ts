/** x402's channel records in our record store: a voucher is on disk when the call returns. */

import { z } from 'zod';
import type { RecordStore } from '../../ports/store.ts';
import type { Channel, ChannelStorage, ClientChannelStorage } from './wire.ts';
import { bytesSchema, channelConfigSchema, channelIdSchema, unitsSchema } from './wire.ts';

const SOLD = 'x402-sold-channel';
const BOUGHT = 'x402-bought-channel';
/** Since when a channel owes something, by its own clock. */
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

const boughtSchema = z.object({
  chargedCumulativeAmount: unitsSchema.optional(),
  balance: unitsSchema.optional(),
  totalClaimed: unitsSchema.optional(),
  signedMaxClaimable: unitsSchema.optional(),
  signature: bytesSchema.optional(),
});

/** The provider's channels. Reads are synchronous underneath, so `all` and `change` serve the claims too. */
export interface SoldChannels extends ChannelStorage {
  all(): readonly Channel[];
  find(channelId: string): Channel | null;
  change(channelId: string, update: (current: Channel) => Channel): void;
  /** In milliseconds since the epoch; null when nothing is owed. */
  owedSinceMs(channel: Channel): number | null;
}

export function createSoldChannels(store: RecordStore): SoldChannels {
  const read = (text: string): Channel => soldSchema.parse(JSON.parse(text)) as Channel;
  const find = (channelId: string): Channel | null => {
    const text = store.get(SOLD, key(channelId));
    return text === null ? null : read(text);
  };
  return {
    find,
    owedSinceMs(channel) {
      if (!owes(channel)) return null;
      const since = store.get(OWED_SINCE, key(channel.channelId));
      return since === null ? channel.lastRequestTimestamp : Number(since);
    },
    all: () => store.list(SOLD).map(({ value }) => read(value)),
    get: async (channelId) => find(channelId) ?? undefined,
    list: async () => store.list(SOLD).map(({ value }) => read(value)),
    change(channelId, update) {
      store.update(SOLD, key(channelId), (text) =>
        text === null ? null : JSON.stringify(update(read(text))),
      );
    },
    async updateChannel(channelId, update) {
      let result: Awaited<ReturnType<ChannelStorage['updateChannel']>> = {
        channel: undefined,
        status: 'unchanged',
      };
      store.update(SOLD, key(channelId), (text) => {
        const current = text === null ? undefined : read(text);
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
          store.set(OWED_SINCE, key(channelId), String(next.lastRequestTimestamp));
        }
        return JSON.stringify(next);
      });
      return result;
    },
  };
}

/** Whether something is charged and not claimed. */
export function owes(channel: Channel): boolean {
  return BigInt(channel.chargedCumulativeAmount) > BigInt(channel.totalClaimed);
}

/** Requests that an earlier run left open will never be finished: their channels are free again. */
export function clearPendingRequests(channels: SoldChannels): void {
  for (const channel of channels.all()) {
    if (channel.pendingRequest === undefined) continue;
    channels.change(channel.channelId, ({ pendingRequest: _, ...rest }) => rest);
  }
}

/** The payer's channels. */
export interface BoughtChannels extends ClientChannelStorage {
  /** Each that was ever used, with what it was charged. */
  all(): readonly { readonly channelId: string; readonly charged: string }[];
}

export function createBoughtChannels(store: RecordStore): BoughtChannels {
  return {
    all: () =>
      store.list(BOUGHT).map((record) => ({
        channelId: record.key,
        charged: boughtSchema.parse(JSON.parse(record.value)).chargedCumulativeAmount ?? '0',
      })),
    async get(channelId) {
      const text = store.get(BOUGHT, key(channelId));
      return text === null
        ? undefined
        : (boughtSchema.parse(JSON.parse(text)) as Awaited<ReturnType<ClientChannelStorage['get']>>);
    },
    async set(channelId, context) {
      store.set(BOUGHT, key(channelId), JSON.stringify(context));
    },
    async delete(channelId) {
      store.delete(BOUGHT, key(channelId));
    },
  };
}

function key(channelId: string): string {
  return channelIdSchema.parse(channelId).toLowerCase();
}
