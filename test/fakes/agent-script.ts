/** The scripted data of the fake agent: a busy machine, a fresh one, and one where nothing can be read. */

import type { z } from 'zod';
import type { dayEarningsSchema, ledgerEntrySchema, receivableSchema } from '../../shared/api/contract.ts';
import { type AgentState, agentStateSchema, type Measurement } from '../../shared/api/state.ts';
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';
import { charge } from '../../shared/price.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';

export type Scenario = 'busy' | 'empty' | 'unknown';

export interface Script {
  readonly state: AgentState;
  readonly jobs: Job[];
  eventsOf(job: Job): JobEvent[];
  readonly days: z.infer<typeof dayEarningsSchema>[];
  readonly byModel: { model: string; earned: string; jobs: number }[];
  readonly receivables: z.infer<typeof receivableSchema>[];
  readonly entries: z.infer<typeof ledgerEntrySchema>[];
  readonly benchmarkRuns: { atMs: number; measurements: Measurement[] }[];
}

const TOKEN = 'eip155:31337/0x5FbDB2315678afecb367f032d93F642f64180aa3';
const MODEL = 'smollm2-135m-instruct-q4_1';
const PEER = '12D3KooWQnwE7wZ8hVt2LrYp6cJmG4sXbN3kA9fD5uHe1yTqRvSo';
const REQUESTER = '12D3KooWBf8mT4vWcK2xYs7LqJnE9aRdGhP6uZ3tQoN1iXyVwCpM';
const PAYER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const PRICE = { inputPerMillion: '20000', outputPerMillion: '80000' };
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export function scriptFor(scenario: Scenario, nowMs: number): Script {
  const busy = scenario === 'busy';
  const jobs = busy ? jobsUntil(nowMs) : [];
  const script: Script = {
    state: agentStateSchema.parse(stateFor(scenario, nowMs)),
    jobs,
    eventsOf: (job) => eventsOf(job),
    days: busy ? daysUntil(nowMs) : [],
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
            reason: 'below-threshold',
          },
          { channelId: `0x${'91'.repeat(32)}`, payer: PAYER, owed: '9', claimed: '1200', reason: 'settling' },
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
      presence: busy
        ? { decision: 'run', reason: 'idle', sinceMs: nowMs - 42 * MINUTE_MS, untilMs: null }
        : known
          ? { decision: 'pause', reason: 'no-model', sinceMs: nowMs - MINUTE_MS, untilMs: null }
          : { decision: 'pause', reason: 'session-unknown', sinceMs: nowMs - MINUTE_MS, untilMs: null },
      engine: busy ? 'ready' : 'stopped',
      model: busy ? MODEL : null,
      backend: busy ? 'cpu' : null,
      threads: busy ? 2 : null,
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
      network: 'eip155:31337',
      networkName: 'Practice chain',
      tokenBalance: known ? (busy ? '18927' : '0') : null,
      coinBalance: known ? '9999768999999999583000' : null,
      balanceAtMs: known ? nowMs - 20_000 : null,
      locked: false,
    },
    models: {
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
    ...rest,
  };
}

function jobsUntil(nowMs: number): Job[] {
  const ends: JobState[] = [
    'running',
    'running',
    'charged',
    'charged',
    'aborted',
    'claimed',
    'failed',
    'settled',
  ];
  let cumulative = 24_000n;
  return Array.from({ length: 64 }, (_, index): Job => {
    const state = ends[index] ?? 'settled';
    const createdAtMs = nowMs - index * 7 * MINUTE_MS - 5_000;
    const running = state === 'running';
    const input = 24 + ((index * 37) % 180);
    const output = running ? null : state === 'failed' ? 0 : 60 + ((index * 71) % 340);
    const charged = output === null ? null : state === 'failed' ? 0n : charge(PRICE, { input, output });
    cumulative -= charged ?? 0n;
    return {
      id: `job-${String(index + 1).padStart(4, '0')}`,
      side: index % 11 === 10 ? 'bought' : 'sold',
      state,
      model: MODEL,
      peer: REQUESTER,
      payer: PAYER,
      channelId: `0x${'3f'.repeat(32)}`,
      createdAtMs,
      startedAtMs: createdAtMs + 12,
      firstTokenAtMs: state === 'failed' ? null : createdAtMs + 380,
      endedAtMs: running ? null : createdAtMs + 7_400,
      inputTokens: input,
      outputTokens: output,
      decodeTokensPerSecond: output ? 31 + ((index * 13) % 9) + 0.4 : null,
      assetId: TOKEN,
      charged: charged === null ? null : charged.toString(),
      cumulative: charged === null ? null : cumulative.toString(),
      receipt:
        running || state === 'failed'
          ? null
          : `eyJhbGciOiJFZERTQSJ9.${'c3RhdGVtZW50'.repeat(20)}.c2lnbmF0dXJl`,
      finishReason: running ? null : state === 'aborted' ? 'abort' : 'stop',
      error: state === 'failed' ? 'engine-failed' : null,
    };
  });
}

function eventsOf(job: Job): JobEvent[] {
  const life: JobState[] = ['admitted', 'running', 'delivered', 'charged', 'claimed', 'settled'];
  const end = life.indexOf(job.state);
  const states: JobState[] = end >= 0 ? life.slice(0, end + 1) : ['admitted', 'running', job.state];
  const afterMs = [0, 12, 7_400, 7_420, 600_000, 620_000];
  return states.map((state, index) => ({
    atMs: job.createdAtMs + (afterMs[index] ?? 0),
    state,
    note: state === 'failed' ? 'The engine ended in the middle of the answer; nothing was charged.' : null,
  }));
}

function daysUntil(nowMs: number): z.infer<typeof dayEarningsSchema>[] {
  return Array.from({ length: 30 }, (_, index) => {
    const at = new Date(nowMs - (29 - index) * DAY_MS);
    const day = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`;
    const earned = index < 9 ? 0 : index === 29 ? 1283 : 300 + ((index * 577) % 1500);
    return {
      day,
      earned: String(earned),
      jobs: Math.round(earned / 21),
      feesCoin: earned > 900 ? '11000000000020' : '0',
    };
  });
}

function entriesOf(jobs: Job[], nowMs: number): z.infer<typeof ledgerEntrySchema>[] {
  const payout: z.infer<typeof ledgerEntrySchema> = {
    id: 'entry-payout',
    atMs: nowMs - 31 * MINUTE_MS,
    kind: 'settlement',
    description: 'Paid out to the payout address',
    reference: `0x${'cd'.repeat(32)}`,
    lines: [
      { account: 'wallet', assetId: TOKEN, amount: '18927' },
      { account: 'claimed', assetId: TOKEN, amount: '-18927' },
    ],
  };
  const fee: z.infer<typeof ledgerEntrySchema> = {
    id: 'entry-fee',
    atMs: nowMs - 31 * MINUTE_MS,
    kind: 'fee',
    description: 'Network fee of the settlement',
    reference: `0x${'cd'.repeat(32)}`,
    lines: [
      { account: 'fees', assetId: 'eip155:31337/native', amount: '231000000000417' },
      { account: 'wallet', assetId: 'eip155:31337/native', amount: '-231000000000417' },
    ],
  };
  const earned = jobs
    .filter((job) => job.charged !== null && job.charged !== '0')
    .map((job) => ({
      id: `entry-${job.id}`,
      atMs: job.endedAtMs ?? job.createdAtMs,
      kind: 'charge',
      description: 'Answer delivered',
      reference: job.id,
      lines: [
        { account: 'receivable', assetId: TOKEN, amount: job.charged ?? '0' },
        { account: 'income', assetId: TOKEN, amount: `-${job.charged ?? '0'}` },
      ],
    }));
  return [...earned, payout, fee].sort((a, b) => b.atMs - a.atMs);
}

function measurements(atMs: number, factor: number): Measurement[] {
  const base = { runs: 5, atMs };
  return [
    {
      ...base,
      name: 'gpu-arithmetic',
      mode: 'webgl2',
      value: 812.4 * factor,
      unit: 'gflops',
      spreadPercent: 2.1,
      conditions: { renderer: 'NVIDIA GeForce RTX 4070', software: false },
    },
    {
      ...base,
      name: 'gpu-bandwidth',
      mode: 'webgl2',
      value: 96.3 * factor,
      unit: 'gigabytes-per-second',
      spreadPercent: 4.8,
      conditions: { renderer: 'NVIDIA GeForce RTX 4070' },
    },
    {
      ...base,
      name: 'cpu-arithmetic',
      mode: 'webasm',
      value: 3.12 * factor,
      unit: 'gflops',
      spreadPercent: 1.2,
      conditions: { shape: '512 x 512' },
    },
    {
      ...base,
      name: 'prefill',
      mode: 'cpu',
      value: 338 * factor,
      unit: 'tokens-per-second',
      spreadPercent: 3.4,
      conditions: { model: MODEL, threads: 2, promptTokens: 512 },
    },
    {
      ...base,
      name: 'decode',
      mode: 'cpu',
      value: 47.6 * factor,
      unit: 'tokens-per-second',
      spreadPercent: null,
      runs: 1,
      conditions: { model: MODEL, threads: 2 },
    },
  ];
}
