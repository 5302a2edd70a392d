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
/** A channel's terms, which never change and are half of its record: stored once, not with each voucher. */
const TERMS = 'x402-sold-terms';
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
  /** In milliseconds since the epoch; null when no balance is due. */
  owedSinceMs(channel: Channel): number | null;
}

export function createSoldChannels(store: RecordStore, durability = IMMEDIATE): SoldChannels {
  const { read, write } = channelTexts(store);
  const find = (channelId: string): Channel | null => {
    const key = channelKey(channelId);
    const text = store.get(SOLD, key);
    return text === null ? null : read(key, text);
  };
  const all = (): Channel[] => store.list(SOLD).map(({ key, value }) => read(key, value));
  return {
    find,
    owedSinceMs(channel) {
      if (!owes(channel)) return null;
      const since = store.get(OWED_SINCE, channelKey(channel.channelId));
      return since === null ? channel.lastRequestTimestamp : Number(since);
    },
    all,
    get: async (channelId) => find(channelId) ?? undefined,
    list: async () => all(),
    change(channelId, update) {
      const key = channelKey(channelId);
      store.update(SOLD, key, (text) => (text === null ? null : write(key, update(read(key, text)))));
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
    const key = channelKey(channelId);
    store.update(SOLD, key, (text) => {
      const current = text === null ? undefined : read(key, text);
      const next = update(current);
      if (next === current) {
        result = { channel: current, status: 'unchanged' };
        return text;
      }
      if (next === undefined) {
        result = { channel: undefined, status: 'deleted' };
        store.delete(TERMS, key);
        return null;
      }
      result = { channel: next, status: 'updated' };
      if (owes(next) && (current === undefined || !owes(current))) {
        store.set(OWED_SINCE, key, String(next.lastRequestTimestamp));
      }
      return write(key, next);
    });
    return result;
  }
}

/** Reads and writes channels as records. Earlier versions stored ID and terms in the record itself. */
function channelTexts(store: RecordStore) {
  return {
    read(key: string, text: string): Channel {
      const stored = JSON.parse(text);
      const terms = stored.channelConfig ?? JSON.parse(store.get(TERMS, key) ?? 'null');
      return soldSchema.parse({ channelId: key, ...stored, channelConfig: terms }) as Channel;
    },
    write(key: string, { channelId, channelConfig, ...state }: Channel): string {
      const terms = JSON.stringify(channelConfig);
      if (store.get(TERMS, key) !== terms) store.set(TERMS, key, terms);
      return JSON.stringify(channelId === key ? state : { channelId, ...state });
    },
  };
}

/** True when the channel has charges that aren't claimed yet. */
export function owes(channel: Channel): boolean {
  return BigInt(channel.chargedCumulativeAmount) > BigInt(channel.totalClaimed);
}

/** Frees the channels of requests that an earlier run left open: those requests will never finish. */
export function clearPendingRequests(channels: SoldChannels): void {
  for (const channel of channels.all()) {
    if (channel.pendingRequest === undefined) continue;
    channels.change(channel.channelId, ({ pendingRequest: _, ...rest }) => rest);
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
