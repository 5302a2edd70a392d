/** Adds up what was charged, deposited and tried within the last 24 hours; survives restarts and clocks that jump. */
import { z } from 'zod';
import { storageFaultOf } from '../../ports/storage.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { BudgetTime } from './budget-time.ts';

export interface DayTotal {
  /** Base units charged, or reserved for requests in progress. */
  readonly charged: bigint;
  /** Base units deposited, or signed for. */
  readonly deposited: bigint;
  /** New providers that got a deposit. */
  readonly newPeers: number;
}

export interface DayTotals {
  /** The sums of the last 24 hours. */
  get(): DayTotal;
  /** Adds to the current hour. Durable when it returns. */
  add(change: Partial<DayTotal>): void;
  /**
   * Takes back what was added at that time, from the hour in which it counts: taken from a later one, it would still be
   * missing there when the first has passed. Times are the budget's. Nothing changes if that hour has passed. Durable when it returns.
   */
  takeBack(change: Partial<Pick<DayTotal, 'charged' | 'deposited'>>, atMs: number): void;
}

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** Record of the owner's own sums. */
const OWNER: RecordPlace = { collection: 'buying-day', key: 'hours' };

/** A record in the store. */
export interface RecordPlace {
  readonly collection: string;
  readonly key: string;
}

const unitsSchema = z
  .string()
  .regex(/^-?\d{1,40}$/)
  .transform(BigInt);
const hoursSchema = z.array(
  z.object({
    hour: z.number().int(),
    charged: unitsSchema,
    deposited: unitsSchema,
    newPeers: z.number().int(),
  }),
);
type Hour = z.infer<typeof hoursSchema>[number];

export function createDayTotals(
  records: RecordStore,
  time: BudgetTime,
  { collection, key }: RecordPlace = OWNER,
): DayTotals {
  /** The hours that count, oldest first. */
  function counted(): readonly Hour[] {
    const text = records.get(collection, key);
    const now = Math.floor(time.now() / HOUR_MS);
    const stored = text === null ? [] : hoursSchema.parse(JSON.parse(text));
    const hours = stored.filter(({ hour }) => hour > now - HOURS);
    if (hours.every(({ hour }) => hour <= now)) return hours;
    // An hour in the future was recorded before the stored time was lost: it counts for 24 hours from now on.
    const moved = sum(hours.filter(({ hour }) => hour >= now));
    const kept = [...hours.filter(({ hour }) => hour < now), { hour: now, ...moved }];
    try {
      store(kept);
    } catch (error) {
      // Reading works on a full disk, too.
      if (storageFaultOf(error) === null) throw error;
    }
    return kept;
  }

  function store(hours: readonly Hour[]): void {
    const text = hours.map((each) => ({
      ...each,
      charged: each.charged.toString(),
      deposited: each.deposited.toString(),
    }));
    time.save();
    records.set(collection, key, JSON.stringify(text));
  }

  function sum(hours: readonly Hour[]): DayTotal {
    return hours.reduce<DayTotal>(
      (total, each) => ({
        charged: total.charged + each.charged,
        deposited: total.deposited + each.deposited,
        newPeers: total.newPeers + each.newPeers,
      }),
      { charged: 0n, deposited: 0n, newPeers: 0 },
    );
  }

  return {
    get: () => sum(counted()),
    add({ charged = 0n, deposited = 0n, newPeers = 0 }) {
      const hour = Math.floor(time.now() / HOUR_MS);
      const hours = counted();
      const current = sum(hours.filter((each) => each.hour === hour));
      const next = {
        hour,
        charged: current.charged + charged,
        deposited: current.deposited + deposited,
        newPeers: current.newPeers + newPeers,
      };
      store([...hours.filter((each) => each.hour !== hour), next]);
    },
    takeBack({ charged = 0n, deposited = 0n }, atMs) {
      const hour = Math.floor(atMs / HOUR_MS);
      const hours = counted();
      if (!hours.some((each) => each.hour === hour)) return;
      const reduced = (each: Hour): Hour => ({
        ...each,
        charged: atLeastZero(each.charged - charged),
        deposited: atLeastZero(each.deposited - deposited),
      });
      store(hours.map((each) => (each.hour === hour ? reduced(each) : each)));
    },
  };
}

/** Hours that a clock change has merged no longer tell what was added when. */
function atLeastZero(units: bigint): bigint {
  return units > 0n ? units : 0n;
}
