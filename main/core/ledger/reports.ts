/** Sums earnings by day, model, peer and network from the running flows. */
import { assert } from '../../../shared/assert.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Flow, LedgerStore, NamedFlow, TimedFlow } from '../../ports/ledger.ts';
import type { Calendar } from '../calendar/index.ts';

const HOUR_MS = 3_600_000;

export interface DayEarnings {
  /** Local calendar day, `YYYY-MM-DD`. */
  readonly day: string;
  readonly earned: Amount;
  /** Number of charged jobs. */
  readonly jobs: number;
  /** Fees in base units of the chain's native coin. */
  readonly feesCoin: Amount;
}

export interface QuarterEarnings {
  /** Start of a quarter of an hour with income. */
  readonly fromMs: number;
  readonly earned: Amount;
  readonly jobs: number;
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

/** Spent on answers of one model, or of one provider. */
export interface Spent {
  readonly name: string;
  readonly spent: Amount;
  readonly jobs: number;
}

export interface NetworkEarnings {
  /** CAIP-2 id, e.g. `eip155:31337`. */
  readonly network: string;
  readonly assetId: string;
  readonly earned: Amount;
  readonly jobs: number;
}

export interface HourEarnings {
  readonly fromMs: number;
  readonly earned: Amount;
}

export interface Reports {
  earnedSince(assetId: string, start: 'today' | 'week'): Amount;
  byDay(assetId: string, coinId: string, days: number): readonly DayEarnings[];
  /** Oldest first. */
  byQuarter(assetId: string, days: number): readonly QuarterEarnings[];
  /** The hours of the local day, 23 to 25, the coming ones included. */
  byHour(assetId: string): readonly HourEarnings[];
  byModel(assetId: string, days: number): readonly ModelEarnings[];
  byPeer(assetId: string, days: number): readonly PeerEarnings[];
  spentByModel(assetId: string, days: number): readonly Spent[];
  spentByPeer(assetId: string, days: number): readonly Spent[];
  byNetwork(days: number): readonly NetworkEarnings[];
}

export function createReports(parts: {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly calendar: Calendar;
}): Reports {
  const { store, clock, calendar } = parts;

  /** Start times of the last local days, oldest first; the last one is today's. */
  const dayStarts = (days: number): number[] => {
    assert(days >= 1, 'at least one day');
    const starts = [calendar.startOfDay(clock.now())];
    while (starts.length < days) starts.unshift(calendar.startOfDay((starts[0] ?? 0) - 1));
    return starts;
  };
  /** Until the end of today: an entry of a later day was dated by a clock that was wrong. */
  const since = (fromMs: number) => ({ fromMs, toMs: calendar.startOfNextDay(clock.now()) });
  const incomeSince = (assetId: string, fromMs: number): Flow =>
    store.flow('income:jobs', assetId, since(fromMs));

  const earnedBy = (assetId: string, days: number, by: 'model' | 'peer') =>
    named(store.flowsBy(by, 'income:jobs', assetId, since(dayStarts(days)[0] ?? 0)), -1n).map(
      ({ name, sum, jobs }) => ({ name, earned: sum, jobs }),
    );
  const spentBy = (assetId: string, days: number, by: 'model' | 'peer'): readonly Spent[] =>
    named(store.flowsBy(by, 'expense:inference', assetId, since(dayStarts(days)[0] ?? 0)), 1n).map(
      ({ name, sum, jobs }) => ({ name, spent: sum, jobs }),
    );

  return {
    earnedSince(assetId, start) {
      const now = clock.now();
      const fromMs = start === 'today' ? calendar.startOfDay(now) : calendar.startOfWeek(now);
      return amount(-incomeSince(assetId, fromMs).amount);
    },
    byDay(assetId, coinId, days) {
      const starts = dayStarts(days);
      return starts.map((fromMs, index) => {
        const span = { fromMs, toMs: starts[index + 1] ?? calendar.startOfNextDay(clock.now()) };
        const income = store.flow('income:jobs', assetId, span);
        return {
          day: calendar.day(fromMs),
          earned: amount(-income.amount),
          jobs: income.jobs,
          feesCoin: store.flow('fees:network', coinId, span).amount,
        };
      });
    },
    byQuarter: (assetId, days) =>
      store
        .flowsByQuarter('income:jobs', assetId, since(dayStarts(days)[0] ?? 0))
        .map(({ fromMs, amount: flowed, jobs }) => ({ fromMs, earned: amount(-flowed), jobs })),
    byHour(assetId) {
      const startMs = calendar.startOfDay(clock.now());
      const endMs = calendar.startOfNextDay(startMs);
      return hoursOf(store.flowsByQuarter('income:jobs', assetId, since(startMs)), startMs, endMs);
    },
    byModel: (assetId, days) =>
      earnedBy(assetId, days, 'model').map(({ name, ...sums }) => ({ model: name, ...sums })),
    byPeer: (assetId, days) =>
      earnedBy(assetId, days, 'peer').map(({ name, ...sums }) => ({ peer: name, ...sums })),
    spentByModel: (assetId, days) => spentBy(assetId, days, 'model'),
    spentByPeer: (assetId, days) => spentBy(assetId, days, 'peer'),
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

/** Highest first; flows without a name are left out. `sign` makes the sums positive. */
function named(flows: readonly NamedFlow[], sign: bigint) {
  return flows
    .flatMap(({ name, amount: flowed, jobs }) =>
      name === null ? [] : [{ name, sum: amount(sign * flowed), jobs }],
    )
    .sort((left, right) => (left.sum === right.sum ? 0 : left.sum < right.sum ? 1 : -1));
}

function hoursOf(flows: readonly TimedFlow[], startMs: number, endMs: number): HourEarnings[] {
  const sums = new Map<number, bigint>();
  for (let fromMs = startMs; fromMs < endMs; fromMs += HOUR_MS) sums.set(fromMs, 0n);
  for (const { fromMs, amount: flowed } of flows) {
    const hourMs = startMs + Math.floor((fromMs - startMs) / HOUR_MS) * HOUR_MS;
    sums.set(hourMs, (sums.get(hourMs) ?? 0n) - flowed);
  }
  return [...sums].map(([fromMs, earned]) => ({ fromMs, earned: amount(earned) }));
}
