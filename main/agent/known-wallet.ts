/** Which wallet is here, remembered beside the books too: a folder of keys that is gone is then seen as a loss. */
import { z } from 'zod';
import type { RecordStore } from '../ports/store.ts';

export function knownWallet(records: RecordStore) {
  return {
    /** Its address; null where there never was one. */
    get: () => {
      const text = records.get('wallet', 'address');
      return text === null ? null : z.string().parse(JSON.parse(text));
    },
    set: (address: string) => records.set('wallet', 'address', JSON.stringify(address)),
  };
}
