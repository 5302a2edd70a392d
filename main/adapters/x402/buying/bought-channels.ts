/** x402's records of the channels on which this machine buys, in our record store. */
import { z } from 'zod';
import type { RecordStore } from '../../../ports/store.ts';
import { bytesSchema, type ClientChannelStorage, channelKey, unitsSchema } from '../wire.ts';

const BOUGHT = 'x402-bought-channel';

const boughtSchema = z.object({
  chargedCumulativeAmount: unitsSchema.optional(),
  balance: unitsSchema.optional(),
  totalClaimed: unitsSchema.optional(),
  signedMaxClaimable: unitsSchema.optional(),
  signature: bytesSchema.optional(),
});

/** The payer's channels. */
export interface BoughtChannels extends ClientChannelStorage {
  /** Every channel that was ever used, with its total charge. */
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
      const text = store.get(BOUGHT, channelKey(channelId));
      return text === null
        ? undefined
        : (boughtSchema.parse(JSON.parse(text)) as Awaited<ReturnType<ClientChannelStorage['get']>>);
    },
    async set(channelId, context) {
      store.set(BOUGHT, channelKey(channelId), JSON.stringify(context));
    },
    async delete(channelId) {
      store.delete(BOUGHT, channelKey(channelId));
    },
  };
}
