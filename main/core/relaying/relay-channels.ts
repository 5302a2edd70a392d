/** Remembers which payment channels pay relays, so that a charge that is learned later is recorded as one of a relay. */
import type { RecordStore } from '../../ports/store.ts';

const COLLECTION = 'relay-channel';

export interface RelayChannels {
  /** Durable when it returns. */
  note(channelId: string): void;
  has(channelId: string): boolean;
}

export function createRelayChannels(records: RecordStore): RelayChannels {
  const has = (channelId: string) => records.get(COLLECTION, channelId.toLowerCase()) !== null;
  return {
    has,
    note(channelId) {
      if (!has(channelId)) records.set(COLLECTION, channelId.toLowerCase(), 'true');
    },
  };
}
