/** Remembers the wallet's address in the database too, so that a missing key folder is recognized as a loss. */
import { z } from 'zod';
import type { RecordStore } from '../ports/store.ts';

export function knownWallet(records: RecordStore) {
  return {
    /** Null where there never was a wallet. */
    get: () => {
      const text = records.get('wallet', 'address');
      return text === null ? null : z.string().parse(JSON.parse(text));
    },
    set: (address: string) => records.set('wallet', 'address', JSON.stringify(address)),
  };
}
