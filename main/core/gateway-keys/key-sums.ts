/** Stores what each key of the gateway was charged: in the last 24 hours, and in total. */
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import type { RecordStore } from '../../ports/store.ts';
import { type BudgetTime, createDayTotals } from '../budget/index.ts';

const DAY = 'gateway-key-day';
const TOTAL = 'gateway-key-total';

const totalSchema = z
  .string()
  .regex(/^\d{1,40}$/)
  .transform(BigInt)
  .catch(0n);

export interface KeySums {
  /** Base units of the last 24 hours. */
  day(keyId: string): bigint;
  total(keyId: string): bigint;
  /** Adds to both; a negative change takes back what was added at that time. */
  add(keyId: string, change: bigint, addedAtMs: number): void;
  forget(keyId: string): void;
}

export function createKeySums(records: RecordStore, time: BudgetTime): KeySums {
  const days = (keyId: string) => createDayTotals(records, time, { collection: DAY, key: keyId });
  const total = (keyId: string): bigint => totalSchema.parse(parseJson(records.get(TOTAL, keyId) ?? '"0"'));
  return {
    day: (keyId) => days(keyId).get().charged,
    total,
    add(keyId, change, addedAtMs) {
      if (change === 0n) return;
      const sum = total(keyId) + change;
      records.set(TOTAL, keyId, JSON.stringify((sum > 0n ? sum : 0n).toString()));
      if (change > 0n) days(keyId).add({ charged: change });
      else days(keyId).takeBack({ charged: -change }, addedAtMs);
    },
    forget(keyId) {
      records.delete(DAY, keyId);
      records.delete(TOTAL, keyId);
    },
  };
}
