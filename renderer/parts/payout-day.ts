/** Finds the day on which expected earnings reach an amount. Pure. */
import type { ComingDays } from '../../shared/api/contract.ts';

/** Returns the first day by which the expected amounts add up to `missing`; null if none of these. */
export function dayOfReaching(missing: bigint, days: ComingDays['days']): string | null {
  let sum = 0n;
  for (const { day, expected } of days) {
    sum += BigInt(expected);
    if (sum >= missing) return day;
  }
  return null;
}
