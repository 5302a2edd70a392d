/** Times what pages read of a running agent, over its API as they do, with every filter that they offer. */
import type { AgentApi } from '../lib/agent-process.ts';

const DAY_MS = 86_400_000;
const SIDES = [undefined, 'sold', 'bought'] as const;
const OUTCOMES = ['all', 'served', 'failed'] as const;
/** Ages of the last job of the previous page, in days; 0 for the first page. */
const AGES_DAYS = [0, 1, 100, 360] as const;
const PAGE_JOBS = 50;

export interface Read {
  /** `list` for the list of jobs. */
  readonly kind: 'list' | 'other';
  readonly name: string;
  run(api: AgentApi): Promise<unknown>;
}

/** Every combination of filters at several depths, and everything else that grows with the history. */
export const READS: readonly Read[] = [
  ...SIDES.flatMap((side) =>
    OUTCOMES.flatMap((outcome) =>
      AGES_DAYS.map(
        (days): Read => ({
          kind: 'list',
          name: `jobs.list ${side ?? 'both'} ${outcome}, ${days} days back`,
          run: (api) =>
            api.jobs.list({
              ...(side && { side }),
              ...(days > 0 && { beforeMs: Date.now() - days * DAY_MS }),
              outcome,
              limit: PAGE_JOBS,
            }),
        }),
      ),
    ),
  ),
  ...[7, 30, 366].flatMap((days): Read[] => [
    { kind: 'other', name: `earnings.byDay ${days}`, run: (api) => api.earnings.byDay({ days }) },
    { kind: 'other', name: `earnings.byModel ${days}`, run: (api) => api.earnings.byModel({ days }) },
    { kind: 'other', name: `earnings.forecast ${days}`, run: (api) => api.earnings.forecast({ days }) },
  ]),
  ...(['today', 'week', 'month', 'year'] as const).map(
    (period): Read => ({
      kind: 'other',
      name: `earnings.overview ${period}`,
      run: (api) => api.earnings.overview({ period }),
    }),
  ),
  { kind: 'other', name: 'earnings.entries', run: (api) => api.earnings.entries({ limit: 100 }) },
  {
    kind: 'other',
    name: 'earnings.entries payout',
    run: (api) => api.earnings.entries({ limit: 100, kind: 'payout' }),
  },
  { kind: 'other', name: 'earnings.receivables', run: (api) => api.earnings.receivables({}) },
];

/** Times each read once and returns the slowest of each kind. */
export async function timeReads(api: AgentApi): Promise<Record<Read['kind'], { name: string; ms: number }>> {
  const slowest = { list: { name: '', ms: 0 }, other: { name: '', ms: 0 } };
  for (const read of READS) {
    const startMs = performance.now();
    await read.run(api);
    const ms = performance.now() - startMs;
    if (ms > slowest[read.kind].ms) slowest[read.kind] = { name: read.name, ms };
  }
  return slowest;
}

/** Reads everything again and again, as several pages would, until the signal aborts. */
export async function keepReading(api: AgentApi, pauseMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const read of READS) {
      if (signal.aborted) return;
      await read.run(api);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
