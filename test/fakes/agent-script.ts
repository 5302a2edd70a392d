/** The scripted data of the fake agent: a busy machine, a fresh one, and one where nothing can be read. */

import type { z } from 'zod';
import type { dayEarningsSchema, ledgerEntrySchema, receivableSchema } from '../../shared/api/contract.ts';
import { type AgentState, agentStateSchema, type Measurement } from '../../shared/api/state.ts';
import type { Forecast, ForecastScore } from '../../shared/forecast.ts';
import type { Job, JobEvent } from '../../shared/jobs.ts';
import type { SchedulePreview, Stretch } from '../../shared/presence.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';

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
  TOKEN,
} from './agent-history.ts';
import { NO_READINGS, said } from './readings.ts';
import { sandboxOf } from './sandbox.ts';

export type Scenario = 'busy' | 'empty' | 'unknown';

export interface Script {
  readonly state: AgentState;
  readonly jobs: Job[];
  eventsOf(job: Job): JobEvent[];
  readonly days: z.infer<typeof dayEarningsSchema>[];
  readonly schedulePreview: SchedulePreview;
  readonly forecast: Forecast | null;
  readonly scores: ForecastScore[];
  readonly byModel: { model: string; earned: string; jobs: number }[];
  readonly receivables: z.infer<typeof receivableSchema>[];
  readonly entries: z.infer<typeof ledgerEntrySchema>[];
  readonly benchmarkRuns: { atMs: number; measurements: Measurement[] }[];
}

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
    watts: 48,
    powerPriceMicroUsd: 310_000,
  },
};
const PEER = '12D3KooWQnwE7wZ8hVt2LrYp6cJmG4sXbN3kA9fD5uHe1yTqRvSo';

export function scriptFor(scenario: Scenario, nowMs: number): Script {
  const busy = scenario === 'busy';
  const jobs = busy ? jobsUntil(nowMs) : [];
  const script: Script = {
    state: agentStateSchema.parse(stateFor(scenario, nowMs)),
    jobs,
    eventsOf: (job) => eventsOf(job),
    days: busy ? daysUntil(nowMs) : [],
    schedulePreview: schedulePreviewOf(nowMs),
    forecast: busy ? FORECAST : null,
    scores: busy
      ? [
          { day: '2026-11-22', earned: { low: '1200', high: '6400' }, came: '2210' },
          { day: '2026-11-21', earned: { low: '1100', high: '6100' }, came: '820' },
        ]
      : [],
    byModel: busy
      ? [
          { model: MODEL, earned: '18234', jobs: 412 },
          { model: 'llama-3.2-1b-instruct-q4_k_m', earned: '6120', jobs: 57 },
        ]
      : [],
    receivables: busy
      ? [
          {
            channelId: `0x${'3f'.repeat(32)}`,
            payer: PAYER,
            owed: '4218',
            claimed: '0',
            state: 'owed' as const,
            reason: 'below-threshold' as const,
          },
          {
            channelId: `0x${'91'.repeat(32)}`,
            payer: PAYER,
            owed: '9',
            claimed: '1200',
            state: 'owed',
            reason: 'settling',
          },
        ]
      : [],
    entries: busy ? entriesOf(jobs, nowMs) : [],
    benchmarkRuns: busy
      ? [0, 2, 9].map((days) => ({
          atMs: nowMs - days * DAY_MS - 40 * MINUTE_MS,
          measurements: measurements(nowMs - days * DAY_MS - 40 * MINUTE_MS, 1 - days / 100),
        }))
      : [],
  };
  return script;
}

/** Paused for half an hour, then a night's schedule with cheap hours inside of it. */
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

function stateFor(scenario: Scenario, nowMs: number): AgentState {
  const busy = scenario === 'busy';
  const known = scenario !== 'unknown';
  return {
    app: {
      version: '0.1.0',
      profile: 'practice',
      host: 'headless',
      platform: 'linux',
      startedAtMs: nowMs - 3 * 60 * MINUTE_MS,
      notices: busy
        ? []
        : known
          ? [
              {
                code: 'tiny-model-fallback',
                severity: 'warning',
                details: { model: 'idlewatt-tiny', tried: 'model hub, package registry' },
              },
            ]
          : [{ code: 'chain-unavailable', severity: 'error', details: { network: 'Practice chain' } }],
    },
    work: {
      perHour: busy ? { earned: '1840', hours: 31.5 } : null,
      presence: busy
        ? { decision: 'run', reason: 'idle', sinceMs: nowMs - 42 * MINUTE_MS, untilMs: null }
        : known
          ? { decision: 'pause', reason: 'no-model', sinceMs: nowMs - MINUTE_MS, untilMs: null }
          : { decision: 'pause', reason: 'session-unknown', sinceMs: nowMs - MINUTE_MS, untilMs: null },
      engine: busy ? 'ready' : 'stopped',
      model: busy ? MODEL : null,
      backend: busy ? 'cpu' : null,
      threads: busy ? 2 : null,
      sandbox: busy ? { ...sandboxOf('in-force'), files: 'refused' } : null,
      activeJobs: busy
        ? [
            {
              id: 'job-0001',
              model: MODEL,
              requester: 'BfXyVwCpM',
              startedAtMs: nowMs - 4_200,
              outputTokens: 118,
              tokensPerSecond: 34.2,
            },
            {
              id: 'job-0002',
              model: MODEL,
              requester: 'BfXyVwCpM',
              startedAtMs: nowMs - 600,
              outputTokens: 1,
              tokensPerSecond: null,
            },
          ]
        : [],
      tokensPerSecond: busy ? 47.6 : null,
      tokensPerSecondAtMs: busy ? nowMs - 1_000 : null,
      jobsToday: busy ? { served: 61, failed: 2 } : { served: 0, failed: 0 },
      handBacks: busy
        ? [
            { reason: 'owner-active', how: 'killed', durationMs: 14.2, jobs: 2 } as const,
            { reason: 'on-battery', how: 'unloaded', durationMs: 31.6, jobs: 0 } as const,
          ].map((each, index) => ({ ...each, atMs: nowMs - (index + 1) * 97 * MINUTE_MS }))
        : [],
    },
    money: {
      asset: { id: TOKEN, symbol: 'USDC', decimals: 6, practice: true },
      coin: { id: 'eip155:31337/native', symbol: 'ETH', decimals: 18, practice: true },
      earnedToday: busy ? '1283' : '0',
      earnedThisWeek: busy ? '8412' : '0',
      earnedTotal: busy ? '24354' : '0',
      owed: busy ? '4227' : '0',
      claimed: busy ? '1200' : '0',
      received: busy ? '18927' : '0',
      feesCoin: busy ? '231000000000417' : '0',
      waitingReason: busy ? 'below-threshold' : null,
      settleThreshold: '50000',
    },
    wallet: {
      address: known ? '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266' : null,
      kind: 'phrase',
      backedUp: false,
      payoutAddress: known ? '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266' : null,
      feeAddress: known ? '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' : null,
      network: 'eip155:31337',
      networkName: 'Practice chain',
      tokenBalance: known ? (busy ? '18927' : '0') : null,
      coinBalance: known ? '9999768999999999583000' : null,
      balanceAtMs: known ? nowMs - 20_000 : null,
      locked: false,
    },
    models: {
      calibration: {
        state: busy ? 'done' : 'never',
        progress: null,
        atMs: busy ? nowMs - 3_600_000 : null,
        disturbed: busy ? false : null,
        error: null,
      },
      models: [
        model(
          MODEL,
          'SmolLM2 135M Instruct',
          'HuggingFaceTB',
          'Apache-2.0',
          '135M',
          'Q4_1',
          8192,
          94_000_000,
          {
            state: busy ? 'ready' : 'failed',
            active: busy,
            speed: {
              measured: busy
                ? { decodeTokensPerSecond: 61, prefillTokensPerSecond: 340, atMs: nowMs - 3_600_000 }
                : null,
              predicted: null,
              score: busy
                ? {
                    predictedTokensPerSecond: 57.3,
                    measuredTokensPerSecond: 61,
                    errorPercent: 6.1,
                    atMs: nowMs - 3_600_000,
                  }
                : null,
            },
            fit: known ? 'fits' : 'unknown',
            error: busy
              ? null
              : 'No source could be reached: the model hub and the package registry were tried.',
          },
        ),
        model(
          'llama-3.2-1b-instruct-q4_k_m',
          'Llama 3.2 1B Instruct',
          'Meta',
          'Llama 3.2 Community',
          '1.2B',
          'Q4_K_M',
          131_072,
          807_694_464,
          {
            state: busy ? 'downloading' : 'absent',
            fit: known ? 'fits' : 'unknown',
            speed: {
              measured: null,
              predicted: busy
                ? {
                    decodeTokensPerSecond: 11.4,
                    prefillTokensPerSecond: 38.2,
                    uncertaintyPercent: 12,
                    atMs: nowMs - 3_600_000,
                    backend: 'cpu',
                    threads: 1,
                  }
                : null,
              score: null,
            },
            progress: busy
              ? {
                  receivedBytes: 312_400_000,
                  totalBytes: 807_694_464,
                  bytesPerSecond: 8_400_000,
                  source: 'model hub',
                }
              : null,
          },
        ),
        model(
          'qwen2.5-3b-instruct-q4_k_m',
          'Qwen2.5 3B Instruct',
          'Qwen',
          'Qwen Research',
          '3.1B',
          'Q4_K_M',
          32_768,
          2_104_932_768,
          {
            fit: known ? 'tight' : 'unknown',
            state: busy ? 'ready' : 'absent',
          },
        ),
        model(
          'llama-3.1-8b-instruct-q4_k_m',
          'Llama 3.1 8B Instruct',
          'Meta',
          'Llama 3.1 Community',
          '8.0B',
          'Q4_K_M',
          131_072,
          known ? 4_920_739_232 : null,
          {
            fit: known ? 'does-not-fit' : 'unknown',
          },
        ),
        model('idlewatt-tiny', 'Idlewatt Tiny', 'Idlewatt', 'MIT', '0.8M', 'F16', 512, 3_400_000, {
          state: 'ready',
          bundled: true,
          active: scenario === 'empty',
          fit: known ? 'fits' : 'unknown',
        }),
      ],
      usedBytes: busy ? 2_511_332_768 : 3_400_000,
      budgetBytes: 20_000_000_000,
    },
    machine: {
      hostname: 'workshop',
      os: 'Debian GNU/Linux 12',
      devices: known
        ? [
            { kind: 'cpu', name: 'AMD Ryzen 5 5600X', cores: 6, memoryBytes: null, driver: null },
            {
              kind: 'gpu',
              name: 'NVIDIA GeForce RTX 4070',
              cores: null,
              memoryBytes: 12_878_610_432,
              driver: '580.65',
            },
          ]
        : [{ kind: 'cpu', name: 'Unknown processor', cores: null, memoryBytes: null, driver: null }],
      memoryBytes: known ? 33_565_810_688 : null,
      freeMemoryBytes: known ? 19_210_000_000 : null,
      cpuLoadPercent: known ? 37.4 : null,
      temperatureCelsius: busy ? 61 : null,
      watts: null,
      readAtMs: known ? nowMs - 2_000 : null,
      readings: known
        ? said(
            {
              inputIdleSeconds: 2_520,
              locked: true,
              onBattery: false,
              fullScreen: false,
              processorCelsius: 61,
              otherProcessorPercent: 3.2,
            },
            nowMs - 1_000,
            'electron',
          )
        : NO_READINGS,
      benchmark: busy
        ? {
            state: 'done',
            step: null,
            progress: null,
            atMs: nowMs - 40 * MINUTE_MS,
            measurements: measurements(nowMs - 40 * MINUTE_MS, 1),
            unavailable: [{ mode: 'webgpu', reason: 'The browser found no WebGPU adapter.' }],
            error: null,
          }
        : {
            state: 'never',
            step: null,
            progress: null,
            atMs: null,
            measurements: [],
            unavailable: [],
            error: null,
          },
    },
    network: {
      peer: PEER,
      addresses: [`/ip4/127.0.0.1/tcp/40123/p2p/${PEER}`],
      peers: busy ? [{ peer: REQUESTER, connected: true, source: 'address' }] : [],
      inBytes: busy ? 1_840_220 : 0,
      outBytes: busy ? 3_022_904 : 0,
      gateway: known
        ? { baseUrl: 'http://127.0.0.1:41111/v1', key: 'iw-5f3d9c2b7a1e4860', model: busy ? MODEL : null }
        : null,
    },
    settings: { ...DEFAULT_SETTINGS, language: 'en' },
  };
}

function model(
  id: string,
  name: string,
  publisher: string,
  license: string,
  parameters: string,
  quantisation: string,
  contextTokens: number,
  sizeBytes: number | null,
  rest: Partial<AgentState['models']['models'][number]>,
): AgentState['models']['models'][number] {
  return {
    id,
    name,
    publisher,
    license,
    parameters,
    quantisation,
    contextTokens,
    sizeBytes,
    sha256: '7a'.repeat(32),
    fit: 'fits',
    state: 'absent',
    progress: null,
    error: null,
    active: false,
    bundled: false,
    speed: { measured: null, predicted: null, score: null },
    ...rest,
  };
}
