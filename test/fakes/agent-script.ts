/** The scripted data of the fake agent: a busy machine, a new one, and one where nothing can be read. */
import type { z } from 'zod';
import { createCalendar } from '../../main/core/calendar/index.ts';
import type { AnswerCheck } from '../../shared/answer-check.ts';
import type { BuyingOverview } from '../../shared/api/buying.ts';
import type {
  ComingDays,
  dayEarningsSchema,
  doneHourSchema,
  EarningsOverview,
  JobEnergy,
  ledgerEntrySchema,
  NetworkEarnings,
  RestOfToday,
  receivableSchema,
  SpeedCurve,
} from '../../shared/api/contract.ts';
import type { AgentState, Measurement } from '../../shared/api/state.ts';
import type { Forecast, ForecastScore } from '../../shared/forecast.ts';
import type { Job, JobEvent } from '../../shared/jobs.ts';
import type { Period } from '../../shared/period.ts';
import type { SchedulePreview, Stretch } from '../../shared/presence.ts';
import {
  DAY_MS,
  daysUntil,
  entriesOf,
  eventsOf,
  jobsUntil,
  MINUTE_MS,
  MODEL,
  measurements,
  PAYER,
  REQUESTER,
} from './agent-history.ts';
import { type Scenario, stateFor } from './agent-state.ts';

export type { Scenario };

export interface Script {
  readonly state: AgentState;
  readonly jobs: Job[];
  eventsOf(job: Job): JobEvent[];
  energyOf(job: Job): JobEnergy | null;
  speedOf(job: Job): SpeedCurve | null;
  checkOf(job: Job): AnswerCheck | null;
  /** The hours of today. */
  readonly today: z.infer<typeof doneHourSchema>[];
  readonly rest: RestOfToday | null;
  readonly days: z.infer<typeof dayEarningsSchema>[];
  overview(period: Period): EarningsOverview;
  readonly byNetwork: NetworkEarnings;
  /** Today and the days after; null where nothing can be expected. */
  coming(days: number): ComingDays | null;
  readonly schedulePreview: SchedulePreview;
  readonly buying: BuyingOverview;
  readonly incomes: { model: string; low: string; high: string; isMeasured: boolean }[];
  readonly forecast: Forecast | null;
  readonly scores: ForecastScore[];
  readonly byModel: { model: string; earned: string; jobs: number }[];
  readonly receivables: z.infer<typeof receivableSchema>[];
  readonly entries: z.infer<typeof ledgerEntrySchema>[];
  readonly benchmarkRuns: { atMs: number; measurements: Measurement[] }[];
}

const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);

const FORECAST: Forecast = {
  earned: { low: '1300', high: '6900' },
  power: { low: '90', high: '480' },
  net: { low: '1210', high: '6420' },
  basis: {
    model: MODEL,
    prefillTokensPerSecond: 340,
    decodeTokensPerSecond: 34.2,
    price: 'market',
    offers: 3,
    hours: { low: 6.5, high: 9, from: 'history' },
    use: { low: 0.2, high: 0.6, from: 'history' },
    readPerWritten: { low: 1.4, high: 1.4, from: 'history' },
    watts: { value: 48, source: 'sensor' },
    powerPriceMicroUsd: 310_000,
  },
};
const NO_NETWORKS: NetworkEarnings = {
  market: { earned: '0', jobs: 0 },
  storefront: { earned: '0', jobs: 0 },
  kudos: '0',
};
const BY_NETWORK: NetworkEarnings = {
  market: { earned: '19273', jobs: 412 },
  storefront: { earned: '2000', jobs: 16 },
  kudos: '61230',
};

/** Data of the busy machine that does not depend on the time. */
const BUSY = {
  scores: [
    { day: '2026-11-22', earned: { low: '1200', high: '6400' }, came: '2210' },
    { day: '2026-11-21', earned: { low: '1100', high: '6100' }, came: '820' },
  ],
  byNetwork: BY_NETWORK,
  byModel: [
    { model: MODEL, earned: '18234', jobs: 412 },
    { model: 'llama-3.2-1b-instruct-q4_k_m', earned: '6120', jobs: 57 },
  ],
  receivables: [
    {
      channelId: `0x${'3f'.repeat(32)}`,
      payer: PAYER,
      owed: '4218',
      claimed: '0',
      claimedTotal: '18927',
      state: 'owed',
      reason: 'below-threshold',
    },
    {
      channelId: `0x${'91'.repeat(32)}`,
      payer: PAYER,
      owed: '9',
      claimed: '1200',
      claimedTotal: '1200',
      state: 'owed',
      reason: 'settling',
    },
  ],
} satisfies Partial<Script>;

const BUYING: BuyingOverview = {
  spentDay: '540000',
  deposited: '4600000',
  models: [{ model: MODEL, spent: '1478261', jobs: 1904 }],
  providers: [{ peer: REQUESTER, spent: '1478261', jobs: 1904 }],
  offers: [
    {
      model: MODEL,
      providers: 3,
      peer: REQUESTER,
      inputPerMillion: '20000',
      outputPerMillion: '80000',
      decodeTokensPerSecond: 58.2,
      contextTokens: 8192,
      firstTokenMs: 412,
      firstTokens: 9,
    },
    {
      model: 'llama-3.2-1b-instruct-q4_k_m',
      providers: 1,
      peer: REQUESTER,
      inputPerMillion: '40000',
      outputPerMillion: '150000',
      decodeTokensPerSecond: null,
      contextTokens: 4096,
      firstTokenMs: null,
      firstTokens: 0,
    },
  ],
};

const NOTHING = {
  jobs: [],
  days: [],
  forecast: null,
  scores: [],
  byModel: [],
  byNetwork: NO_NETWORKS,
  receivables: [],
  entries: [],
  benchmarkRuns: [],
} satisfies Partial<Script>;

export function scriptFor(scenario: Scenario, nowMs: number): Script {
  const script = {
    state: stateFor(scenario, nowMs),
    eventsOf,
    energyOf,
    speedOf,
    checkOf,
    schedulePreview: schedulePreviewOf(nowMs),
    incomes: scenario === 'busy' ? [{ model: MODEL, low: '1300', high: '6900', isMeasured: true }] : [],
    buying:
      scenario === 'busy' ? BUYING : { spentDay: '0', deposited: '0', models: [], providers: [], offers: [] },
    today: todayOf(nowMs, scenario === 'busy'),
    rest: scenario === 'busy' ? { expected: '450', low: '300', high: '600', days: 12 } : null,
  };
  if (scenario !== 'busy')
    return { ...script, ...NOTHING, overview: () => overviewOf([]), coming: () => null };
  const jobs = jobsUntil(nowMs);
  return {
    ...script,
    ...BUSY,
    jobs,
    days: daysUntil(nowMs),
    overview: (period) => overviewOf(daysUntil(nowMs).slice(-calendar.daysIn(period, nowMs))),
    coming: (days) => comingOf(days, nowMs),
    forecast: FORECAST,
    entries: entriesOf(jobs, nowMs),
    benchmarkRuns: [0, 2, 9].map((days) => {
      const atMs = nowMs - days * DAY_MS - 40 * MINUTE_MS;
      return { atMs, measurements: measurements(atMs, 1 - days / 100) };
    }),
  };
}

/** Electricity was measured on four of five days. */
function overviewOf(days: Script['days']): EarningsOverview {
  const sum = (values: readonly string[]) =>
    values.reduce((total, each) => total + BigInt(each), 0n).toString();
  const total = days.reduce((each, { jobs }) => each + jobs, 0);
  const hasWork = days.length > 0;
  const earned = sum(days.map((day) => day.earned));
  const [most, rest] = [(BigInt(earned) * 3n) / 4n, BigInt(earned) / 4n];
  return {
    days: days.map((day, index) => ({
      ...day,
      wattHours: (days.length - index) % 5 === 0 ? null : 41.5,
      powerMicroUsd: null,
    })),
    networks: hasWork ? BY_NETWORK : NO_NETWORKS,
    models: hasWork ? BUSY.byModel : [],
    devices: hasWork
      ? [
          { device: 'NVIDIA GeForce RTX 4070', several: false, earned: most.toString(), jobs: total - 9 },
          { device: null, several: true, earned: rest.toString(), jobs: 9 },
        ]
      : [],
    totals: {
      earned,
      jobs: total,
      feesCoin: sum(days.map((day) => day.feesCoin)),
      feesMicroUsd: null,
      wattHours: hasWork ? 996 : null,
      powerMicroUsd: null,
      measuredPercent: hasWork ? 80 : null,
      isEstimated: false,
      netMicroUsd: null,
    },
  };
}

function energyOf({ side }: Job): JobEnergy | null {
  return side === 'sold' ? { wattHours: 0.52, microUsd: 161, watts: 48, source: 'sensor' } : null;
}

/** Bought answers were checked and are the model's; a buyer reports on one sold answer that isn't. */
function checkOf({ id, side, endedAtMs, outputTokens }: Job): AnswerCheck | null {
  const isAlarm = id === 'job-0003';
  if (endedAtMs === null || !outputTokens || (side === 'sold' && !isAlarm)) return null;
  const found = isAlarm
    ? { differing: Math.floor(outputTokens / 2), gapMean: 0.4, logStanding: 31 }
    : { differing: 2, gapMean: 0.003, logStanding: 0 };
  return { atMs: endedAtMs + 9_000, tokens: outputTokens, ...found, isAlarm };
}

/** The newest jobs slow down while others begin. */
function speedOf({ side, firstTokenAtMs, endedAtMs, decodeTokensPerSecond: speed }: Job): SpeedCurve | null {
  if (side === 'bought' || firstTokenAtMs === null || endedAtMs === null || speed === null) return null;
  if (endedAtMs <= firstTokenAtMs) return null;
  const tokensPerSecond = Array.from({ length: 32 }, (_, step) => speed * (1 + 0.15 * Math.sin(step / 3)));
  const durationMs = endedAtMs - firstTokenAtMs;
  return { durationMs, stepMs: durationMs / tokensPerSecond.length, tokensPerSecond };
}

/** An owner's day: the night is earned, mornings and evenings belong to the owner. */
const DAY = 'eeeeeeeuurreepureeeeeeee';
const DID = { e: 'working', u: 'waiting', r: 'ready', p: 'paused' } as const;

function todayOf(nowMs: number, busy: boolean): Script['today'] {
  const start = new Date(nowMs).setHours(0, 0, 0, 0);
  return [...DAY].map((letter, index) => {
    const fromMs = start + index * 60 * MINUTE_MS;
    const did = busy && fromMs <= nowMs ? DID[letter as keyof typeof DID] : null;
    const earned = did === 'working' ? String(60 + ((index * 37) % 50)) : '0';
    const toMs = fromMs + 60 * MINUTE_MS;
    const expected = busy && toMs > nowMs ? String(letter === 'e' ? 90 : 10) : null;
    return { fromMs, toMs, earned, did, expected };
  });
}

function comingOf(days: number, nowMs: number): ComingDays {
  return {
    days: Array.from({ length: days }, (_, index) => ({
      day: calendar.day(nowMs + index * DAY_MS),
      expected: index === 0 ? '450' : String(700 + ((index * 377) % 600)),
    })),
    pastDays: 12,
  };
}

/** Paused for half an hour, then a night's schedule with off-peak hours in it. */
function schedulePreviewOf(nowMs: number): SchedulePreview {
  const ends: [hours: number, reason: Stretch['reason']][] = [
    [0.5, 'paused-by-owner'],
    [4, 'outside-schedule'],
    [6, 'outside-off-peak'],
    [14, null],
    [24, 'outside-schedule'],
  ];
  const stretches = ends.map(([hours, reason], index) => ({
    fromMs: nowMs + (ends[index - 1]?.[0] ?? 0) * 60 * MINUTE_MS,
    untilMs: nowMs + hours * 60 * MINUTE_MS,
    reason,
  }));
  return { timeZone: 'Europe/Berlin', stretches };
}
