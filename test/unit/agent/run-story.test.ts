/**
 * Verifies: the log tells a run as a story, one info line per event, with short IDs, amounts with units and
 * durations.
 * Setup: emitters that the test fires, a clock that the test moves, and a log that keeps its lines.
 * Fails if: an event is missing or logged twice, a line lacks its unit or its reason, a repeated state fills the log, a
 * failure is no warning, or a stop that was requested is one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type JobCircumstances,
  logDeposit,
  logEngine,
  logJobs,
  logMeasurement,
  logModels,
  logNotices,
  logPeers,
  logPresence,
  logSettings,
  logSettlement,
} from '../../../main/agent/run-story/index.ts';
import { moneyText } from '../../../main/agent/run-story/text.ts';
import type { StoredModel } from '../../../main/core/models/index.ts';
import { createNotices } from '../../../main/core/notices/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import type { SettlementEvent } from '../../../main/ports/chain.ts';
import type { EngineStatus } from '../../../main/ports/engine.ts';
import type { PeerInfo } from '../../../main/ports/network.ts';
import type { Job } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import type { Presence } from '../../../shared/presence.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { sandboxOf } from '../../fakes/sandbox.ts';
import { soldJob } from '../jobs/job-samples.ts';

const USDC = { id: 'eip155:31337/0x01', symbol: 'USDC', decimals: 6, practice: true };
const ETH = { id: 'eip155:31337/native', symbol: 'ETH', decimals: 18, practice: true };

function setUp<Event>() {
  const log = createRecordingLog();
  const listeners = new Set<(event: Event) => void>();
  return {
    log,
    clock: manualClock(1_000_000),
    on: (listener: (event: Event) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit: (event: Event) => {
      for (const listener of [...listeners]) listener(event);
    },
    story: () => log.lines.map(({ message, fields }) => [message, fields] as const),
    messages: () => log.lines.map(({ message }) => message),
    levels: () => log.lines.map(({ level, message }) => [level, message] as const),
  };
}

test('presence: each reason once, with the time that the one before lasted', () => {
  const { log, clock, on, emit, story } = setUp<Presence>();
  const idle: Presence = { decision: 'run', reason: 'idle', sinceMs: 0, untilMs: null };
  const paused: Presence = { ...idle, decision: 'pause', reason: 'paused-by-owner', untilMs: 1_065_000 };
  logPresence(log, { current: () => idle, onChange: on }, clock);
  clock.advance(5_000);
  emit(paused);
  emit({ ...paused, untilMs: 1_070_000 });
  assert.deepEqual(story(), [
    ['Work permitted', { reason: 'idle' }],
    ['Work paused', { reason: 'paused-by-owner', endsInMs: 60_000, before: 'idle', lastedMs: 5_000 }],
  ]);
});

test('engine: each state once, without the changes of its number of jobs', () => {
  const { log, on, emit, story } = setUp<EngineStatus>();
  logEngine(log, { onStatus: on });
  const sandbox = sandboxOf('not-built');
  const ready = {
    state: 'ready' as const,
    pid: 7,
    activeSequences: 0,
    loaded: {
      ...{ model: { id: 'm', path: '/m', sha256: 'a' }, contextTokens: 2_048, sequences: 4, threads: 3 },
      ...{ backend: 'cpu', loadMs: 812.4, quantisation: 'Q4', parameterCount: 1, sandbox },
    },
  };
  emit({ state: 'loading', modelId: 'm' });
  emit(ready);
  emit({ ...ready, activeSequences: 1 });
  emit({ state: 'restarting', attempt: 1, inMs: 500, cause: 'SIGKILL' });
  emit({ state: 'gave-up', attempts: 5, cause: 'SIGKILL' });
  emit({ state: 'stopped' });
  assert.deepEqual(story(), [
    ['Loading the model', { model: 'm' }],
    [
      'Model loaded',
      {
        ...{ model: 'm', backend: 'cpu', threads: 3, contextTokens: 2_048, sequences: 4, loadMs: 812 },
        ...{ pid: 7, sandbox },
      },
    ],
    ['The engine stopped unexpectedly and will restart', { attempt: 1, inMs: 500, cause: 'SIGKILL' }],
    ['The engine stopped too often and will not restart', { attempts: 5, cause: 'SIGKILL' }],
    ['Engine stopped', {}],
  ]);
});

test('engine: an unexpected end is a warning, one during a requested stop is not', () => {
  const { log, on, emit, levels } = setUp<EngineStatus>();
  let stopping = false;
  logEngine(log, { onStatus: on }, () => stopping);
  emit({ state: 'restarting', attempt: 1, inMs: 500, cause: 'SIGKILL' });
  emit({ state: 'gave-up', attempts: 5, cause: 'SIGKILL' });
  stopping = true;
  emit({ state: 'restarting', attempt: 1, inMs: 500, cause: 'SIGINT' });
  assert.deepEqual(levels(), [
    ['warn', 'The engine stopped unexpectedly and will restart'],
    ['warn', 'The engine stopped too often and will not restart'],
    ['info', 'The engine ended during the stop'],
  ]);
});

/** Circumstances of jobs: their notes by ID, and what the rest of the agent does. */
function circumstances(
  notes: Record<string, string> = {},
  now: Partial<JobCircumstances> = {},
): JobCircumstances {
  return {
    asset: USDC,
    noteOf: ({ id }) => notes[id] ?? null,
    pausedFor: () => null,
    isStopping: () => false,
    ...now,
  };
}

test('a job that ended early says why', () => {
  const { log, on, emit, story } = setUp<Job>();
  let pausedFor: string | null = null;
  let stopping = false;
  const notes = { client: 'by requester', owner: 'by owner', unload: 'by owner', stop: 'by owner' };
  logJobs(
    log,
    { onChange: on },
    circumstances(notes, { pausedFor: () => pausedFor, isStopping: () => stopping }),
  );
  const end = (id: string, patch: Partial<Job> = {}) => {
    emit(soldJob({ id, ...patch }));
    emit(soldJob({ id, state: 'aborted', ...patch }));
  };
  end('client');
  end('unload');
  pausedFor = 'owner-active';
  end('owner');
  end('bought', { side: 'bought' });
  end('paused', { side: 'bought', state: 'failed', error: 'paused' });
  stopping = true;
  end('stop');
  assert.deepEqual(
    story().flatMap(([message, { job, reason }]) => (message.endsWith('early') ? [[job, reason]] : [])),
    [
      ['client', 'the requester disconnected'],
      ['unload', 'the model was unloaded'],
      ['owner', 'this machine paused (owner-active)'],
      ['bought', 'the client disconnected'],
      ['paused', 'paused'],
      ['stop', 'Idlewatt is stopping'],
    ],
  );
});

test('a failed job is a warning unless a stop was requested', () => {
  const { log, on, emit, levels } = setUp<Job>();
  let stopping = false;
  logJobs(log, { onChange: on }, circumstances({}, { isStopping: () => stopping }));
  emit(soldJob({ id: 'a', state: 'failed', error: 'engine-failed' }));
  emit(soldJob({ id: 'b', side: 'bought', state: 'failed', error: 'peer-unreachable' }));
  stopping = true;
  emit(soldJob({ id: 'c', state: 'failed', error: 'engine-failed' }));
  assert.deepEqual(levels(), [
    ['warn', 'Job failed'],
    ['warn', 'Bought response failed'],
    ['info', 'Job failed'],
  ]);
});

test('a bought job names the provider’s job from the receipt', () => {
  const { log, on, emit, story } = setUp<Job>();
  logJobs(log, { onChange: on }, circumstances());
  const jws = (payload: string) => `e30.${Buffer.from(payload).toString('base64url')}.x`;
  const named = jws(JSON.stringify({ job: '01PROVIDER-12345678' }));
  for (const [id, receipt] of [
    ['named', named],
    ['odd', jws(JSON.stringify({ job: 7 }))],
    ['broken', jws('{')],
    ['none', null],
  ] as const) {
    emit(soldJob({ id, side: 'bought' }));
    emit(soldJob({ id, side: 'bought', state: 'charged', charged: '1', receipt }));
  }
  assert.deepEqual(
    story().flatMap(([message, { job, providerJob }]) =>
      message === 'Response bought' ? [[job, providerJob]] : [],
    ),
    [
      ['named', '…12345678'],
      ['odd', undefined],
      ['broken', undefined],
      ['none', undefined],
    ],
  );
});

test('the summary of a run counts its jobs and what they earned and cost', () => {
  const { log, on, emit } = setUp<Job>();
  const summary = logJobs(log, { onChange: on }, circumstances()).summary;
  assert.deepEqual(summary(), { served: 0, endedEarly: 0, failed: 0, earned: moneyText('0', USDC) });
  const end = (id: string, state: Job['state'], patch: Partial<Job> = {}) => {
    emit(soldJob({ id, ...patch }));
    emit(soldJob({ id, state, ...patch }));
    emit(soldJob({ id, state, ...patch }));
  };
  end('a', 'charged', { charged: '1000' });
  end('b', 'aborted', { charged: '500' });
  end('c', 'failed', { error: 'engine-failed' });
  emit(soldJob({ id: 'earlier', state: 'claimed', charged: '9' }));
  end('d', 'charged', { side: 'bought', charged: '7' });
  assert.deepEqual(summary(), {
    ...{ served: 1, endedEarly: 1, failed: 1, earned: '1500 base units (0.0015 practice USDC)' },
    ...{ bought: 1, boughtEndedEarly: 0, boughtFailed: 0, spent: '7 base units (0.000007 practice USDC)' },
  });
});

test('a sold job: accepted and served, with tokens, charge and durations', () => {
  const { log, on, emit, story } = setUp<Job>();
  logJobs(log, { onChange: on }, circumstances());
  const job = soldJob({ id: 'job-0123456789', channelId: `0x${'ab'.repeat(32)}` });
  emit(job);
  emit({ ...job, state: 'running', startedAtMs: 1_010 });
  const ended = { endedAtMs: 3_000, firstTokenAtMs: 1_250, inputTokens: 20, outputTokens: 10 };
  emit({ ...job, ...ended, state: 'delivered', charged: '1500' });
  const charged: Job = { ...job, ...ended, state: 'charged', charged: '1500', decodeTokensPerSecond: 5.68 };
  emit(charged);
  emit({ ...charged, receipt: 'jws' });
  emit({ ...charged, state: 'claimed' });
  const identity = { job: '…23456789', model: 'smollm2-135m-instruct', requester: '…equester' };
  assert.deepEqual(story(), [
    ['Job accepted', { ...identity, channel: '…abababab' }],
    [
      'Job served',
      {
        ...identity,
        inputTokens: 20,
        outputTokens: 10,
        charge: '1500 base units (0.0015 practice USDC)',
        firstTokenMs: 250,
        totalMs: 2_000,
        tokensPerSecond: 5.7,
      },
    ],
  ]);
});

test('jobs that end otherwise are logged once, with the reason', () => {
  const { log, on, emit, story } = setUp<Job>();
  logJobs(log, { onChange: on }, circumstances());
  const bought = soldJob({ id: 'b', side: 'bought', continues: 'a' });
  emit(bought);
  const aborted: Job = { ...bought, state: 'aborted', error: 'paused', charged: '7' };
  emit(aborted);
  emit({ ...aborted, continuedBy: 'c' });
  emit(soldJob({ id: 'r', state: 'refused', error: 'busy' }));
  emit(soldJob({ id: 'earlier', state: 'failed', charged: '9' }));
  assert.deepEqual(
    story().map(([message, { job, reason, charge, continues }]) => [
      message,
      job,
      reason ?? continues,
      charge,
    ]),
    [
      ['Request sent to a provider', 'b', 'a', undefined],
      ['Bought response ended early', 'b', 'paused', '7 base units (0.000007 practice USDC)'],
      ['Job refused', 'r', 'busy', 'nothing'],
    ],
  );
});

test('settlement: claims and payouts with amount and fee; a reason to wait once', () => {
  const { log, on, emit, story } = setUp<SettlementEvent>();
  logSettlement(log, { onEvent: on }, { token: USDC, coin: ETH });
  const tx = { hash: '0xc1', blockNumber: 1, fee: amount(21n) };
  const channel = { channelId: '0xch', amount: amount(700n), claimedTotal: amount(700n) };
  emit({ type: 'waiting', reason: 'The chain cannot be reached.' });
  emit({ type: 'waiting', reason: 'The chain cannot be reached.' });
  emit({ type: 'claimed', tx, channels: [channel, channel] });
  emit({ type: 'settled', tx: { ...tx, hash: '0xp1' }, amount: amount(1_400n) });
  emit({ type: 'undone', what: 'settled', tx: { ...tx, hash: '0xp1' }, channelIds: ['0xch'] });
  const fee = '21 base units (0.000000000000000021 practice ETH)';
  const sum = '1400 base units (0.0014 practice USDC)';
  assert.deepEqual(story(), [
    ['Settlement is waiting', { reason: 'The chain cannot be reached.' }],
    ['Earnings claimed', { channels: 2, amount: sum, fee, tx: '0xc1' }],
    ['Earnings paid out to the wallet', { amount: sum, fee, tx: '0xp1' }],
    ['The chain dropped a transaction, which will be repeated', { what: 'settled', channels: 1, tx: '0xp1' }],
  ]);
});

test('deposits: the first one opens a channel, later ones top it up', () => {
  const { log, story } = setUp();
  const deposit = { peer: '12D3KooWProvider', channelId: '0x0123456789', txHash: '0xd' };
  logDeposit(log, { ...deposit, amount: amount(500n), total: amount(500n) }, USDC);
  logDeposit(log, { ...deposit, amount: amount(100n), total: amount(600n) }, USDC);
  assert.deepEqual(
    story().map(([message, { channel, provider, deposit, balance }]) => [
      message,
      ...[channel, provider, deposit, balance],
    ]),
    [
      [
        'Payment channel opened',
        ...['…23456789', '…Provider'],
        ...['500 base units (0.0005 practice USDC)', '500 base units (0.0005 practice USDC)'],
      ],
      [
        'Payment channel topped up',
        ...['…23456789', '…Provider'],
        ...['100 base units (0.0001 practice USDC)', '600 base units (0.0006 practice USDC)'],
      ],
    ],
  );
});

test('peers: logged when they connect and when they leave', () => {
  const { log, on, emit, story } = setUp<readonly PeerInfo[]>();
  const peer = (id: string, connected: boolean): PeerInfo => ({
    ...{ peer: id, addresses: [], connected },
    source: 'mdns',
  });
  logPeers(log, { onPeers: on, peers: () => [peer('one', true)] });
  emit([peer('one', true), peer('two', false)]);
  emit([peer('one', false), peer('two', true)]);
  assert.deepEqual(story(), [
    ['Peer connected', { peer: 'one', source: 'mdns', peers: 1 }],
    ['Peer connected', { peer: 'two', source: 'mdns', peers: 1 }],
    ['Peer disconnected', { peer: 'one', peers: 1 }],
  ]);
});

test('models: a download is logged at its start and at its end, without its progress', () => {
  const { log, clock, on, emit, story } = setUp<readonly StoredModel[]>();
  logModels(log, { onChange: on }, clock);
  const model = (state: StoredModel['state'], receivedBytes: number, error: string | null = null) => [
    {
      ...{ id: 'm', state, error, sizeBytes: 9 },
      progress: { receivedBytes, totalBytes: 9, bytesPerSecond: null, source: 'Hugging Face' },
    } as unknown as StoredModel,
  ];
  emit(model('ready', 9));
  emit(model('downloading', 0));
  clock.advance(1_500);
  emit(model('downloading', 5));
  emit(model('verifying', 9));
  emit(model('ready', 9));
  emit(model('downloading', 0));
  emit(model('failed', 5, 'Disk full.'));
  emit(model('downloading', 5));
  emit(model('absent', 5));
  const started = [
    'Model download started',
    { model: 'm', source: 'Hugging Face', receivedBytes: 0, totalBytes: 9 },
  ];
  assert.deepEqual(story(), [
    started,
    ['Model download finished', { model: 'm', sizeBytes: 9, tookMs: 1_500 }],
    started,
    ['Model download failed', { model: 'm', cause: 'Disk full.', tookMs: 0 }],
    [started[0], { ...(started[1] as object), receivedBytes: 5 }],
    ['Model download stopped', { model: 'm', tookMs: 0 }],
  ]);
});

test('settings: the old and the new value of what changed', () => {
  const { log, story } = setUp();
  const settings = createSettings({ records: createMemoryRecordStore(), defaults: DEFAULT_SETTINGS });
  logSettings(log, settings);
  settings.change({ comfort: 2, idleMinutes: DEFAULT_SETTINGS.idleMinutes });
  settings.change({ comfort: 2 });
  assert.deepEqual(story(), [['Settings changed', { comfort: { from: DEFAULT_SETTINGS.comfort, to: 2 } }]]);
});

test('notices: logged when shown, changed and cleared', () => {
  const { log, story } = setUp();
  const notices = createNotices();
  logNotices(log, notices);
  const entry = { severity: 'warning' as const, details: { network: 'Base' } };
  notices.show('chain-unavailable', entry);
  notices.show('chain-unavailable', entry);
  notices.clear('chain-unavailable');
  assert.deepEqual(story(), [
    ['Notice shown', { notice: 'chain-unavailable', ...entry }],
    ['Notice cleared', { notice: 'chain-unavailable' }],
  ]);
});

test('a measurement: logged at its start and at its end, with its duration, its failure or why it was stopped', () => {
  const { log, clock, on, emit, story } = setUp<void>();
  const now: { state: 'never' | 'running' | 'done' | 'failed'; error: string | null } = {
    ...{ state: 'never', error: null },
  };
  let stopped = false;
  const measurement = { state: () => now, wasStopped: () => stopped, onChange: on };
  logMeasurement(log, 'Benchmark', measurement, clock);
  const become = (state: typeof now.state, error: string | null = null) => {
    Object.assign(now, { state, error });
    emit();
  };
  become('running');
  clock.advance(2_000);
  become('running');
  become('done');
  become('running');
  become('failed', 'The probe failed.');
  stopped = true;
  become('running');
  become('failed', 'You need the machine.');
  assert.deepEqual(story(), [
    ['Benchmark started', {}],
    ['Benchmark finished', { tookMs: 2_000 }],
    ['Benchmark started', {}],
    ['Benchmark failed', { tookMs: 0, cause: 'The probe failed.' }],
    ['Benchmark started', {}],
    ['Benchmark stopped', { tookMs: 0, cause: 'You need the machine.' }],
  ]);
});
