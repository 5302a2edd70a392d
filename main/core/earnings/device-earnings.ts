/** Names the device that computed, for a job and for sums of earnings. */
import { type Amount, amount } from '../../../shared/money.ts';
import type { QuarterEarnings } from '../ledger/index.ts';

/** From this time on, another device computes. */
export interface DeviceChange {
  readonly atMs: number;
  readonly name: string;
}

/** Null names a device that wasn't recorded. `several` were in use within the same quarter of an hour. */
export interface DeviceEarnings {
  readonly device: string | null;
  readonly several: boolean;
  readonly earned: Amount;
  readonly jobs: number;
}

/**
 * Returns the device that computed from start to end; null if it wasn't recorded, or changed meanwhile. Changes are expected
 * oldest first.
 */
export function deviceBetween(fromMs: number, toMs: number, changes: readonly DeviceChange[]): string | null {
  const first = changes.findLast(({ atMs }) => atMs <= fromMs);
  const isSame = changes.every(({ atMs, name }) => atMs <= fromMs || atMs > toMs || name === first?.name);
  return first !== undefined && isSame ? first.name : null;
}

const QUARTER_MS = 15 * 60_000;

/** Highest first. Quarters and changes are expected oldest first. */
export function earningsByDevice(
  quarters: readonly QuarterEarnings[],
  changes: readonly DeviceChange[],
): readonly DeviceEarnings[] {
  const sums = new Map<string, { device: string | null; several: boolean; earned: bigint; jobs: number }>();
  /** Number of changes up to the quarter's beginning. */
  let before = 0;
  for (const { fromMs, earned, jobs } of quarters) {
    while ((changes[before]?.atMs ?? Number.POSITIVE_INFINITY) <= fromMs) before += 1;
    const used = new Set<string>();
    const current = changes[before - 1];
    if (current !== undefined) used.add(current.name);
    for (
      let next = before;
      (changes[next]?.atMs ?? Number.POSITIVE_INFINITY) < fromMs + QUARTER_MS;
      next += 1
    ) {
      used.add(changes[next]?.name ?? '');
    }
    const [device = null] = used.size === 1 ? used : [];
    const several = used.size > 1;
    const key = `${String(several)} ${device ?? ''}`;
    const sum = sums.get(key) ?? { device, several, earned: 0n, jobs: 0 };
    sum.earned += earned;
    sum.jobs += jobs;
    sums.set(key, sum);
  }
  return [...sums.values()]
    .map((sum) => ({ ...sum, earned: amount(sum.earned) }))
    .sort((left, right) => (left.earned === right.earned ? 0 : left.earned < right.earned ? 1 : -1));
}
