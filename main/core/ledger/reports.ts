/** Sums earnings by day, model, peer and network from the running flows. */
import { assert, forceUnwrap } from '../../../shared/assert.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Flow, LedgerStore } from '../../ports/ledger.ts';
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
  const incomeSince = (assetId: string, fromMs: number, by: 'model' | 'peer' = 'model'): readonly Flow[] =>
    store.flows('income:jobs', assetId, by, since(fromMs));

  /** Groups by name, highest first; flows without a name are left out. */
  const grouped = (assetId: string, days: number, by: 'model' | 'peer') => {
    const groups = new Map<string, { earned: bigint; jobs: number }>();
    for (const { name, amount: flowed, jobs } of incomeSince(assetId, dayStarts(days)[0] ?? 0, by)) {
      if (name === null) continue;
      const sum = groups.get(name) ?? { earned: 0n, jobs: 0 };
      sum.earned -= flowed;
      sum.jobs += jobs;
      groups.set(name, sum);
    }
    return [...groups]
      .map(([name, { earned, jobs }]) => ({ name, earned: amount(earned), jobs }))
      .sort((left, right) => (left.earned === right.earned ? 0 : left.earned < right.earned ? 1 : -1));
  };

  return {
    earnedSince(assetId, start) {
      const now = clock.now();
      const fromMs = start === 'today' ? calendar.startOfDay(now) : calendar.startOfWeek(now);
      return amount(-total(incomeSince(assetId, fromMs)));
    },
    byDay(assetId, coinId, days) {
      const starts = dayStarts(days);
      const first = forceUnwrap('there is a first day', starts[0]);
      const sums = starts.map(() => ({ earned: 0n, jobs: 0, feesCoin: 0n }));
      const each = (flows: readonly Flow[], add: (day: (typeof sums)[number], flow: Flow) => void) => {
        let index = 0;
        for (const flow of flows) {
          while (flow.fromMs >= (starts[index + 1] ?? Number.POSITIVE_INFINITY)) index += 1;
          add(forceUnwrap('a flow has its day', sums[index]), flow);
        }
      };
      each(incomeSince(assetId, first), (day, flow) => {
        day.earned -= flow.amount;
        day.jobs += flow.jobs;
      });
      each(store.flows('fees:network', coinId, 'model', since(first)), (day, flow) => {
        day.feesCoin += flow.amount;
      });
      return starts.map((fromMs, index) => {
        const { earned, jobs, feesCoin } = forceUnwrap('a day has its sums', sums[index]);
        return { day: calendar.day(fromMs), earned: amount(earned), jobs, feesCoin: amount(feesCoin) };
      });
    },
    byQuarter: (assetId, days) => quartersOf(incomeSince(assetId, dayStarts(days)[0] ?? 0)),
    byHour(assetId) {
      const startMs = calendar.startOfDay(clock.now());
      const endMs = calendar.startOfNextDay(startMs);
      return hoursOf(incomeSince(assetId, startMs), startMs, endMs);
    },
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
          const flows = incomeSince(assetId, fromMs);
          return {
            // An asset's ID is its network's ID, a slash, and its contract on that network.
            network: assetId.slice(0, assetId.lastIndexOf('/')),
            assetId,
            earned: amount(-total(flows)),
            jobs: flows.reduce((sum, { jobs }) => sum + jobs, 0),
          };
        });
    },
  };
}

function hoursOf(flows: readonly Flow[], startMs: number, endMs: number): HourEarnings[] {
  const sums = new Map<number, bigint>();
  for (let fromMs = startMs; fromMs < endMs; fromMs += HOUR_MS) sums.set(fromMs, 0n);
  for (const { fromMs, amount: flowed } of flows) {
    const hourMs = startMs + Math.floor((fromMs - startMs) / HOUR_MS) * HOUR_MS;
    sums.set(hourMs, (sums.get(hourMs) ?? 0n) - flowed);
  }
  return [...sums].map(([fromMs, earned]) => ({ fromMs, earned: amount(earned) }));
}

function quartersOf(flows: readonly Flow[]): QuarterEarnings[] {
  const quarters = new Map<number, { earned: bigint; jobs: number }>();
  for (const { fromMs, amount: flowed, jobs } of flows) {
    const sum = quarters.get(fromMs) ?? { earned: 0n, jobs: 0 };
    quarters.set(fromMs, { earned: sum.earned - flowed, jobs: sum.jobs + jobs });
  }
  return [...quarters].map(([fromMs, { earned, jobs }]) => ({ fromMs, earned: amount(earned), jobs }));
}

function total(flows: readonly Flow[]): bigint {
  return flows.reduce((sum, flow) => sum + flow.amount, 0n);
}
