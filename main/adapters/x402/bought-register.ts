/** Which channels we have bought on, kept on disk: what is needed to ask after them. */
import { z } from 'zod';
import type { RecordStore } from '../../ports/store.ts';
import { channelConfigSchema, channelIdSchema } from './wire.ts';

const COLLECTION = 'x402-bought-register';

const entrySchema = z.object({
  channelId: channelIdSchema,
  peer: z.string(),
  /** The channel's number at this provider. */
  index: z.number().int().nonnegative(),
  config: channelConfigSchema,
  lastUsedMs: z.number(),
  /** A voucher was given out and what was charged by it is not known. */
  chargeUnknown: z.boolean(),
});
export type BoughtEntry = z.infer<typeof entrySchema>;

export interface BoughtRegister {
  all(): readonly BoughtEntry[];
  /** Durable when it returns. */
  note(entry: BoughtEntry): void;
  change(channelId: string, patch: Partial<BoughtEntry>): void;
}

export function createBoughtRegister(store: RecordStore): BoughtRegister {
  const key = (channelId: string): string => channelIdSchema.parse(channelId).toLowerCase();
  const read = (text: string): BoughtEntry => entrySchema.parse(JSON.parse(text));
  return {
    all: () => store.list(COLLECTION).map(({ value }) => read(value)),
    note: (entry) => store.set(COLLECTION, key(entry.channelId), JSON.stringify(entry)),
    change(channelId, patch) {
      store.update(COLLECTION, key(channelId), (text) =>
        text === null ? null : JSON.stringify({ ...read(text), ...patch }),
      );
    },
  };
}
