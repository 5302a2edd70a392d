/** x402's records of the channels on which this machine buys, in our record store. */
import { z } from 'zod';
import { AppError } from '../../../../shared/errors.ts';
import type { RecordStore } from '../../../ports/store.ts';
import { bytesSchema, type ClientChannelStorage, channelKey, unitsSchema } from '../wire.ts';
import type { BoughtRegister } from './bought-register.ts';

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

/**
 * The channels, without taking a charge that no voucher of this wallet covers: a node that lies about what was claimed
 * could make the next voucher sign away the whole deposit. For x402's client, which believes its node.
 */
export function coveredOnly(
  channels: ClientChannelStorage,
  register: Pick<BoughtRegister, 'isCovered'>,
): ClientChannelStorage {
  return {
    get: channels.get,
    delete: channels.delete,
    async set(channelId, context) {
      if (!register.isCovered(channelId, BigInt(context.chargedCumulativeAmount ?? '0'))) {
        throw new AppError(
          'chain-unavailable',
          'A node reports a claim that no voucher of this wallet covers.',
        );
      }
      await channels.set(channelId, context);
    },
  };
}
