/** Remembers when each key of the gateway was last used, to the minute: a write per request would cost more than it tells. */
import { z } from 'zod';
import { isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Durability, RecordStore } from '../../ports/store.ts';

const COLLECTION = 'gateway-key-used';
const PRECISION_MS = 60_000;

export interface LastUses {
  /** Null before the first use. */
  of(keyId: string): number | null;
  note(keyId: string): void;
  forget(keyId: string): void;
}

export function createLastUses(
  records: RecordStore,
  durability: Durability,
  clock: Pick<Clock, 'now'>,
): LastUses {
  const of = (keyId: string): number | null => {
    const text = records.get(COLLECTION, keyId);
    return text === null ? null : z.number().nullable().catch(null).parse(parseJson(text));
  };
  return {
    of,
    note(keyId) {
      const now = clock.now();
      const known = of(keyId);
      if (known !== null && Math.abs(now - known) < PRECISION_MS) return;
      try {
        durability.defer(() => records.set(COLLECTION, keyId, JSON.stringify(now)));
      } catch (error) {
        // A request that only reads works on a full disk too.
        if (!isAppError(error)) throw error;
      }
    },
    forget(keyId) {
      records.delete(COLLECTION, keyId);
    },
  };
}
