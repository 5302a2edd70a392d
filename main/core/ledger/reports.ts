/** Sums earnings by day, model, peer and network from the running flows. */
import { assert } from '../../../shared/assert.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Flow, LedgerStore } from '../../ports/ledger.ts';
import type { Calendar } from '../calendar/index.ts';

export interface DayEarnings {
  /** Local calendar day, `YYYY-MM-DD`. */
  readonly day: string;
  readonly earned: Amount;
  /** Number of charged jobs. */
  readonly jobs: number;
  /** Fees in base units of the chain's native coin. */
  readonly feesCoin: Amount;
}

export interface ModelEarnings {
  readonly model: string;
  readonly earned: Amount;
  readonly jobs: number;
}

export interface PeerEarnings {
  readonly peer: string;
  readonly earned: Amount;
  readonly jobs: number;
}

export interface NetworkEarnings {
  /** CAIP-2 id, e.g. `eip155:31337`. */
  readonly network: string;
  readonly assetId: string;
  readonly earned: Amount;
  readonly jobs: number;
}

export interface Reports {
  earnedSince(assetId: string, start: 'today' | 'week'): Amount;
  byDay(assetId: string, coinId: string, days: number): readonly DayEarnings[];
  byModel(assetId: string, days: number): readonly ModelEarnings[];
  byPeer(assetId: string, days: number): readonly PeerEarnings[];
  byNetwork(days: number): readonly NetworkEarnings[];
}

export function createReports(parts: {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly calendar: Calendar;
}): Reports {
  const { store, clock, calendar } = parts;

  let starts: number[] = [];
  /** Start times of the last local days, oldest first; the last one is today's. */
  const dayStarts = (days: number): readonly number[] => {
    assert(days >= 1, 'at least one day');
    const today = calendar.startOfDay(clock.now());
    if (starts.at(-1) !== today) starts = [today];
    while (starts.length < days) starts.unshift(calendar.startOfDay((starts[0] ?? 0) - 1));
    return starts.slice(-days);
  };
  /** Until the end of today: an entry of a later day was dated by a clock that was wrong. */
  const since = (fromMs: number) => ({ fromMs, toMs: calendar.startOfNextDay(clock.now()) });
  const incomeSince = (assetId: string, fromMs: number): Flow =>
    store.flow('income:jobs', assetId, since(fromMs));

  /** The spans of the last local days, oldest first; the last one is today. */
  const daySpans = (days: number) => {
    const starts = dayStarts(days);
    const end = calendar.startOfNextDay(clock.now());
    return starts.map((fromMs, index) => ({ fromMs, toMs: starts[index + 1] ?? end }));
  };
  /** Grouped by name, highest first; flows without a name are left out. By day, because past days are remembered. */
  const grouped = (assetId: string, days: number, by: 'model' | 'peer') => {
    const groups = new Map<string, { earned: bigint; jobs: number }>();
    for (const span of daySpans(days)) {
      for (const { name, amount: flowed, jobs } of store.flowsBy(by, 'income:jobs', assetId, span)) {
        if (name === null) continue;
        const sum = groups.get(name) ?? { earned: 0n, jobs: 0 };
        groups.set(name, { earned: sum.earned - flowed, jobs: sum.jobs + jobs });
      }
    }
    return [...groups]
      .map(([name, { earned, jobs }]) => ({ name, earned: amount(earned), jobs }))
      .sort((left, right) => (left.earned === right.earned ? 0 : left.earned < right.earned ? 1 : -1));
  };

  return {
    earnedSince(assetId, start) {
      const now = clock.now();
      const fromMs = start === 'today' ? calendar.startOfDay(now) : calendar.startOfWeek(now);
      return amount(-incomeSince(assetId, fromMs).amount);
    },
    byDay: (assetId, coinId, days) =>
      daySpans(days).map((span) => {
        const income = store.flow('income:jobs', assetId, span);
        return {
          day: calendar.day(span.fromMs),
          earned: amount(-income.amount),
          jobs: income.jobs,
          feesCoin: store.flow('fees:network', coinId, span).amount,
        };
      }),
    byModel: (assetId, days) =>
      grouped(assetId, days, 'model').map(({ name, ...sums }) => ({ model: name, ...sums })),
    byPeer: (assetId, days) =>
      grouped(assetId, days, 'peer').map(({ name, ...sums }) => ({ peer: name, ...sums })),
    byNetwork(days) {
      const fromMs = dayStarts(days)[0] ?? 0;
      return store
        .balances()
        .filter(({ account }) => account === 'income:jobs')
        .map(({ assetId }) => {
          const income = incomeSince(assetId, fromMs);
          return {
            // An asset's ID is its network's ID, a slash, and its contract on that network.
            network: assetId.slice(0, assetId.lastIndexOf('/')),
            assetId,
            earned: amount(-income.amount),
            jobs: income.jobs,
          };
        });
    },
  };
}
