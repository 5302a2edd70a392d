/** History of the fake agent: jobs with their events, days, ledger entries and measurements. */
import type { z } from 'zod';
import type { dayEarningsSchema, ledgerEntrySchema } from '../../shared/api/contract.ts';
import type { Measurement } from '../../shared/api/state.ts';
import { writeChoice } from '../../shared/choice-note.ts';
import type { Job, JobEvent, JobState } from '../../shared/jobs.ts';
import { charge } from '../../shared/price.ts';

export const TOKEN = 'eip155:31337/0x5FbDB2315678afecb367f032d93F642f64180aa3';
export const MODEL = 'smollm2-135m-instruct-q4_1';
export const REQUESTER = '12D3KooWBf8mT4vWcK2xYs7LqJnE9aRdGhP6uZ3tQoN1iXyVwCpM';
export const PAYER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
export const PRICE = { inputPerMillion: '20000', outputPerMillion: '80000' };
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export function jobsUntil(nowMs: number): Job[] {
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
      continues: null,
      continuedBy: null,
      apiKey: index % 11 === 10 ? { id: '1'.repeat(16), name: 'Editor' } : null,
    };
  });
}

export function eventsOf(job: Job): JobEvent[] {
  const life: JobState[] = ['admitted', 'running', 'delivered', 'charged', 'claimed', 'settled'];
  const end = life.indexOf(job.state);
  const states: JobState[] = end >= 0 ? life.slice(0, end + 1) : ['admitted', 'running', job.state];
  const afterMs = [0, 12, 7_400, 7_420, 600_000, 620_000];
  return states.map((state, index) => ({
    atMs: job.createdAtMs + (afterMs[index] ?? 0),
    state,
    note: noteOf(job, state),
  }));
}

export function daysUntil(nowMs: number): z.infer<typeof dayEarningsSchema>[] {
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

export function entriesOf(jobs: Job[], nowMs: number): z.infer<typeof ledgerEntrySchema>[] {
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

export function measurements(atMs: number, factor: number): Measurement[] {
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
    ...ENGINE_SPEEDS.flatMap((speed) => engineSpeed(atMs, factor, speed)),
  ];
}

interface EngineSpeedOf {
  readonly streams: number;
  readonly context: 'short' | 'long';
  readonly dutyPercent: number;
  readonly prefill: number;
  readonly decode: number;
  readonly spread: number | null;
  readonly marks?: Measurement['conditions'];
}

/** As measured on a six-core machine at an intensity of 50% duty cycle. One measurement was disturbed, one ran with other jobs. */
const ENGINE_SPEEDS: readonly EngineSpeedOf[] = [
  { streams: 1, context: 'short', dutyPercent: 100, prefill: 338, decode: 47.6, spread: 1.9 },
  { streams: 2, context: 'short', dutyPercent: 100, prefill: 341, decode: 71.3, spread: 3.4 },
  {
    streams: 4,
    context: 'short',
    dutyPercent: 100,
    prefill: 339,
    decode: 96.2,
    spread: 11.8,
    marks: { disturbed: true },
  },
  { streams: 1, context: 'long', dutyPercent: 100, prefill: 287, decode: 39.1, spread: 2.2 },
  { streams: 1, context: 'short', dutyPercent: 50, prefill: 168, decode: 23.7, spread: 2.6 },
  {
    streams: 4,
    context: 'short',
    dutyPercent: 50,
    prefill: 170,
    decode: 52.4,
    spread: null,
    marks: { otherJobs: 2 },
  },
  { streams: 1, context: 'short', dutyPercent: 25, prefill: 81, decode: 10.3, spread: 2.9 },
];

function engineSpeed(atMs: number, factor: number, speed: EngineSpeedOf): Measurement[] {
  const { streams, context, dutyPercent, spread, marks } = speed;
  return (['prefill', 'decode'] as const).map((name) => ({
    name,
    mode: 'cpu',
    value: speed[name] * factor,
    unit: 'tokens-per-second',
    spreadPercent: spread,
    runs: spread === null ? 1 : 5,
    conditions: {
      model: MODEL,
      quantisation: 'Q4_1',
      threads: 4,
      contextTokens: 2_048,
      sequences: 4,
      streams,
      context,
      promptTokens: context === 'long' ? 1_976 : 256,
      decodeTokens: 64,
      dutyPercent,
      comfortDutyPercent: 50,
      ...marks,
    },
    atMs,
  }));
}

function noteOf({ side }: Job, state: JobState): string | null {
  if (state === 'failed') return 'The engine stopped in the middle of the answer. Nothing was charged.';
  if (state !== 'admitted' || side === 'sold') return null;
  return writeChoice({ reason: 'reliable', of: 7, price: 45, time: 0.5, failure: 2.1, standing: 1 });
}
