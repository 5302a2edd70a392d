/** Register of the channels on which this machine has bought: the data needed to query a channel's charge later. */
import { z } from 'zod';
import type { RecordStore } from '../../../ports/store.ts';
import { channelConfigSchema, channelIdSchema, channelKey } from '../wire.ts';

const COLLECTION = 'x402-bought-register';

const entrySchema = z.object({
  channelId: channelIdSchema,
  peer: z.string(),
  /** The channel's number at this provider. */
  index: z.number().int().nonnegative(),
  config: channelConfigSchema,
  lastUsedMs: z.number(),
  /** A voucher was issued and its charge is unknown. */
  chargeUnknown: z.boolean(),
  /** Its last charge was rejected: no voucher is issued on it any more. */
  isDisputed: z.boolean().default(false),
});
export type BoughtEntry = z.infer<typeof entrySchema>;

export interface BoughtRegister {
  all(): readonly BoughtEntry[];
  isDisputed(channelId: string): boolean;
  isChargeUnknown(channelId: string): boolean;
  /** Durable when it returns. */
  note(entry: BoughtEntry): void;
  /**
   * Adds a channel before its first deposit; returns true if it is new. A known one stays unchanged. Durable when it
   * returns.
   */
  add(entry: BoughtEntry): boolean;
  change(channelId: string, patch: Partial<BoughtEntry>): void;
}

export function createBoughtRegister(store: RecordStore): BoughtRegister {
  const read = (text: string): BoughtEntry => entrySchema.parse(JSON.parse(text));
  const find = (channelId: string): BoughtEntry | null => {
    const text = store.get(COLLECTION, channelKey(channelId));
    return text === null ? null : read(text);
  };
  return {
    isDisputed: (channelId) => find(channelId)?.isDisputed === true,
    isChargeUnknown: (channelId) => find(channelId)?.chargeUnknown === true,
    all: () => store.list(COLLECTION).map(({ value }) => read(value)),
    note: (entry) => store.set(COLLECTION, channelKey(entry.channelId), JSON.stringify(entry)),
    add(entry) {
      if (find(entry.channelId) !== null) return false;
      store.set(COLLECTION, channelKey(entry.channelId), JSON.stringify(entry));
      return true;
    },
    change(channelId, patch) {
      store.update(COLLECTION, channelKey(channelId), (text) =>
        text === null ? null : JSON.stringify({ ...read(text), ...patch }),
      );
    },
  };
}
