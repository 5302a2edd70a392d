/** What an hour of being allowed to work brought over the last week: what a pause costs. */
import type { AgentState } from '../../shared/api/state.ts';
import type { Ledger } from '../core/ledger/index.ts';
import type { Usage } from '../core/presence/index.ts';
import type { Clock } from '../ports/clock.ts';

const DAYS = 7;
const HOUR_MS = 3_600_000;
/** Pages ask with every token. */
const KEPT_MS = 60_000;

export type PerHour = AgentState['work']['perHour'];

export function createHourly(parts: {
  readonly ledger: Pick<Ledger, 'earningsByDay'>;
  readonly usage: Pick<Usage, 'days'>;
  readonly clock: Clock;
  readonly assetId: string;
  readonly coinId: string;
}): () => PerHour {
  const { ledger, usage, clock, assetId, coinId } = parts;
  let kept: { value: PerHour; atMs: number } | null = null;
  return () => {
    const nowMs = clock.monotonic();
    if (kept === null || nowMs - kept.atMs >= KEPT_MS) kept = { value: look(), atMs: nowMs };
    return kept.value;
  };

  function look(): PerHour {
    const free = new Map(usage.days(DAYS).map(({ day, freeMs }) => [day, freeMs]));
    const freeMs = [...free.values()].reduce((sum, ms) => sum + ms, 0);
    if (freeMs < HOUR_MS) return null;
    // Only days on which the hours were counted, too.
    const earned = ledger
      .earningsByDay(assetId, coinId, DAYS)
      .filter(({ day }) => free.has(day))
      .reduce((sum, day) => sum + day.earned, 0n);
    return {
      earned: ((earned * BigInt(HOUR_MS)) / BigInt(Math.round(freeMs))).toString(),
      hours: freeMs / HOUR_MS,
    };
  }
}
