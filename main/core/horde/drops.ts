/**
 * Counts the jobs that were taken and not answered. The server pauses a worker that drops more than 20 per hour; this one
 * takes no more after eight, also over restarts.
 */
import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';

export const DROPS_PER_HOUR_MAX = 8;
const HOUR_MS = 3_600_000;
const COLLECTION = 'horde';
const KEY = 'drops';

const storedSchema = z.array(z.number()).max(1_000);

export interface Drops {
  note(): void;
  /** In the last hour. */
  count(): number;
  /** Time until a job may be taken again; 0 if one may be now. */
  waitMs(): number;
}

export function createDrops(records: RecordStore, clock: Clock): Drops {
  const stored = storedSchema.safeParse(JSON.parse(records.get(COLLECTION, KEY) ?? '[]'));
  let times: readonly number[] = stored.success ? stored.data : [];
  // Times after now are of a clock that was set back since.
  const recent = () => times.filter((atMs) => clock.now() - atMs < HOUR_MS && atMs <= clock.now());
  return {
    note() {
      times = [...recent(), clock.now()].slice(-1_000);
      records.set(COLLECTION, KEY, JSON.stringify(times));
    },
    count: () => recent().length,
    waitMs() {
      const all = recent();
      const decisive = all[all.length - DROPS_PER_HOUR_MAX];
      return decisive === undefined ? 0 : decisive + HOUR_MS - clock.now();
    },
  };
}
