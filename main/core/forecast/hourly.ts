/** Average earnings per hour of permitted work over the last week: the cost of an hour of waiting. */
import type { AgentState } from '../../../shared/api/state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Usage } from '../presence/index.ts';

const DAYS = 7;
const HOUR_MS = 3_600_000;
/** Pages read the value with every token. */
const CACHED_MS = 60_000;

export type PerHour = AgentState['work']['perHour'];

/** Returns a reader of the average; it is null before one hour of permitted work was counted. */
export function createHourlyEarnings(parts: {
  readonly ledger: Pick<Ledger, 'earningsByDay'>;
  readonly usage: Pick<Usage, 'days'>;
  readonly clock: Clock;
  readonly assetId: string;
  readonly coinId: string;
}): () => PerHour {
  const { ledger, usage, clock, assetId, coinId } = parts;
  let cached: { value: PerHour; atMs: number } | null = null;
  return () => {
    const nowMs = clock.monotonic();
    if (cached === null || nowMs - cached.atMs >= CACHED_MS) cached = { value: average(), atMs: nowMs };
    return cached.value;
  };

  function average(): PerHour {
    const free = new Map(usage.days(DAYS).map(({ day, freeMs }) => [day, freeMs]));
    const freeMs = [...free.values()].reduce((sum, ms) => sum + ms, 0);
    if (freeMs < HOUR_MS) return null;
    // Earnings of days without counted hours are left out as well, and what other machines computed.
    const earned = ledger
      .earningsByDay(assetId, coinId, DAYS)
      .filter(({ day }) => free.has(day))
      .reduce((sum, day) => sum + day.earned - day.resold, 0n);
    return {
      earned: ((earned * BigInt(HOUR_MS)) / BigInt(Math.round(freeMs))).toString(),
      hours: freeMs / HOUR_MS,
    };
  }
}
