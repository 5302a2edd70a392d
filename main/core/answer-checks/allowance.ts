/**
 * Saves up what opinions may cost: a part of what is paid for answers. What they cost is stored, so that a restart doesn't
 * forget a debt.
 */
import { z } from 'zod';
import type { Log } from '../../ports/log.ts';
import type { RecordStore } from '../../ports/store.ts';
import { readRecord } from './read-record.ts';

export interface Allowance {
  /** Base units that are saved up. Below 0 after an opinion that cost more than expected. */
  units(): number;
  /** Adds the part of an answer that was charged this much, in base units. */
  save(charged: bigint): void;
  /** Takes the most that an opinion can cost. The returned function replaces it by the charge, each time it is called. */
  debit(most: bigint): (charged: bigint) => void;
}

const COLLECTION = 'opinion-allowance';
const KEY = 'units';
const unitsSchema = z.number();

export interface AllowanceParts {
  readonly records: RecordStore;
  readonly log: Log;
  /** 0 to 1. */
  readonly share: number;
}

export function createAllowance({ records, log, share }: AllowanceParts): Allowance {
  let units = readRecord(records.get(COLLECTION, KEY), unitsSchema) ?? 0;

  function add(change: number): void {
    units += change;
    try {
      records.set(COLLECTION, KEY, JSON.stringify(units));
    } catch (error) {
      // The purchase must still be recorded; on such a disk nothing else is bought.
      log.error('What opinions may cost could not be stored', error);
    }
  }

  return {
    units: () => units,
    save(charged) {
      units += share * Number(charged);
    },
    debit(most) {
      let counted = Number(most);
      add(-counted);
      return (charged) => {
        add(counted - Number(charged));
        counted = Number(charged);
      };
    },
  };
}
