/** Sums earnings by day, model, peer and network from the running flows. */
import { assert } from '../../../shared/assert.ts';
import { VISITOR_PREFIX } from '../../../shared/customers.ts';
import { kudosOf } from '../../../shared/horde.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Account, Flow, FlowSpan, LedgerStore, NamedFlow, TimedFlow } from '../../ports/ledger.ts';
import type { Calendar } from '../calendar/index.ts';

const HOUR_MS = 3_600_000;

export interface DayEarnings {
  /** Local calendar day, `YYYY-MM-DD`. */
  readonly day: string;
  readonly earned: Amount;
  /** Part of it that the storefront sold: other machines computed that. */
  readonly resold: Amount;
  /** Number of charged jobs. */
  readonly jobs: number;
  /** Fees in base units of the chain's native coin. */
  readonly feesCoin: Amount;
}

/** Earnings of what this machine computed. */
export interface QuarterEarnings {
  /** Start of a quarter of an hour with such income. */
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

interface Sales {
  readonly earned: Amount;
  readonly jobs: number;
}

/** Earnings by where the jobs came from. */
export interface NetworkEarnings {
  /** Peers that bought what this machine computed. */
  readonly market: Sales;
  /** Visitors of the storefront, before what their answers cost on the market. */
  readonly storefront: Sales;
  /** Of all Hordes, in hundredths. */
  readonly kudos: Amount;
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
  byNetwork(assetId: string, days: number): NetworkEarnings;
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
  const resoldIn = (assetId: string, span: FlowSpan): Flow =>
    store.flow('income:jobs', assetId, span, VISITOR_PREFIX);

  /** The spans of the last local days, oldest first; the last one is today. */
  const daySpans = (days: number) => {
    const starts = dayStarts(days);
    const end = calendar.startOfNextDay(clock.now());
    return starts.map((fromMs, index) => ({ fromMs, toMs: starts[index + 1] ?? end }));
  };
  /** By day, because past days are remembered. */
  const flowsByDay = (by: 'model' | 'peer', account: Account, assetId: string, days: number) =>
    daySpans(days).flatMap((span) => store.flowsBy(by, account, assetId, span));
  const earnedBy = (assetId: string, days: number, by: 'model' | 'peer') =>
    named(flowsByDay(by, 'income:jobs', assetId, days), -1n).map(({ name, sum, jobs }) => ({
      name,
      earned: sum,
      jobs,
    }));
  const spentBy = (assetId: string, days: number, by: 'model' | 'peer'): readonly Spent[] =>
    named(flowsByDay(by, 'expense:inference', assetId, days), 1n).map(({ name, sum, jobs }) => ({
      name,
      spent: sum,
      jobs,
    }));

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
          resold: amount(-resoldIn(assetId, span).amount),
          jobs: income.jobs,
          feesCoin: store.flow('fees:network', coinId, span).amount,
        };
      }),
    byQuarter(assetId, days) {
      const span = since(dayStarts(days)[0] ?? 0);
      const resold = store.flowsByQuarter('income:jobs', assetId, span, VISITOR_PREFIX);
      return withoutFlows(store.flowsByQuarter('income:jobs', assetId, span), resold).map(
        ({ fromMs, amount: flowed, jobs }) => ({ fromMs, earned: amount(-flowed), jobs }),
      );
    },
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
    byNetwork: (assetId, days) => networksIn(store, assetId, since(dayStarts(days)[0] ?? 0)),
  };
}

function networksIn(store: LedgerStore, assetId: string, span: FlowSpan): NetworkEarnings {
  const all = store.flow('income:jobs', assetId, span);
  const resold = store.flow('income:jobs', assetId, span, VISITOR_PREFIX);
  const kudos = store
    .balances()
    .filter((each) => each.account === 'income:jobs' && kudosOf(each.assetId) !== null)
    .reduce((sum, each) => sum - store.flow('income:jobs', each.assetId, span).amount, 0n);
  return {
    market: { earned: amount(resold.amount - all.amount), jobs: all.jobs - resold.jobs },
    storefront: { earned: amount(-resold.amount), jobs: resold.jobs },
    kudos: amount(kudos),
  };
}

/** Subtracts some of the flows from all, and leaves out the quarters in which nothing else flowed. */
function withoutFlows(all: readonly TimedFlow[], some: readonly TimedFlow[]): readonly TimedFlow[] {
  if (some.length === 0) return all;
  const byTime = new Map(some.map((flow) => [flow.fromMs, flow]));
  return all
    .map(({ fromMs, amount: flowed, jobs }) => ({
      fromMs,
      amount: amount(flowed - (byTime.get(fromMs)?.amount ?? 0n)),
      jobs: jobs - (byTime.get(fromMs)?.jobs ?? 0),
    }))
    .filter(({ amount: flowed, jobs }) => flowed !== 0n || jobs !== 0);
}

/** Sums by name, highest first; flows without a name are left out. `sign` makes the sums positive. */
function named(flows: readonly NamedFlow[], sign: bigint) {
  const sums = new Map<string, { sum: bigint; jobs: number }>();
  for (const { name, amount: flowed, jobs } of flows) {
    if (name === null) continue;
    const known = sums.get(name) ?? { sum: 0n, jobs: 0 };
    sums.set(name, { sum: known.sum + sign * flowed, jobs: known.jobs + jobs });
  }
  return [...sums]
    .map(([name, { sum, jobs }]) => ({ name, sum: amount(sum), jobs }))
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
