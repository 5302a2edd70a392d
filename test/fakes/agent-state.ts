/** The state sections of the fake agent in each scenario. */
import { type AgentState, agentStateSchema } from '../../shared/api/state.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { batchesAt } from './agent-batches.ts';
import { MINUTE_MS, MODEL, measurements, REQUESTER, TOKEN } from './agent-history.ts';
import { modelsOf } from './agent-models.ts';
import { NO_READINGS, said } from './readings.ts';
import { sandboxOf } from './sandbox.ts';

/** `busy`: serves and earns. `empty`: new, without a model. `unknown`: nothing can be read. */
export type Scenario = 'busy' | 'empty' | 'unknown';

/** Parameters that the sections depend on. */
export interface View {
  readonly scenario: Scenario;
  readonly busy: boolean;
  /** False if nothing on the machine can be read. */
  readonly known: boolean;
  readonly nowMs: number;
}

const PEER = '12D3KooWQnwE7wZ8hVt2LrYp6cJmG4sXbN3kA9fD5uHe1yTqRvSo';

const HOTKEYS = {
  bittensorHotkeys: [
    '5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX',
    '5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw',
  ],
  bittensorNames: { '5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX': 'Ada’s notebook' },
};

function bittensorOf({ busy }: View): AgentState['bittensor'] {
  return busy
    ? { url: 'http://127.0.0.1:8091', hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY' }
    : { url: null, hotkey: null };
}

export function stateFor(scenario: Scenario, nowMs: number): AgentState {
  const view = { scenario, busy: scenario === 'busy', known: scenario !== 'unknown', nowMs };
  return agentStateSchema.parse({
    app: appOf(view),
    work: workOf(view),
    money: moneyOf(view),
    wallet: walletOf(view),
    models: modelsOf(view),
    machine: machineOf(view),
    network: networkOf(view),
    machines: null,
    horde: hordeOf(view),
    storefront: { state: 'off', address: null, publicUrl: null, isFixed: false, certificate: null },
    bittensor: bittensorOf(view),
    batches: { list: view.busy ? batchesAt(nowMs) : [] },
    settings: { ...DEFAULT_SETTINGS, language: 'en', welcomeSeen: true, ...(view.busy && HOTKEYS) },
  });
}

function hordeOf({ busy }: View): AgentState['horde'] {
  return {
    host: busy ? 'horde.example' : null,
    hasKey: busy,
    workerName: 'Idlewatt 1a2b3c4d',
    state: busy ? 'waiting' : 'off',
    message: null,
    skipped: busy ? [{ reason: 'models', jobs: 12 }] : [],
    models: [],
    kudos: busy ? '123450' : '0',
    dropped: 0,
  };
}

function appOf({ busy, known, nowMs }: View): AgentState['app'] {
  return {
    version: '0.1.0',
    profile: 'practice',
    host: 'headless',
    platform: 'linux',
    startedAtMs: nowMs - 3 * 60 * MINUTE_MS,
    network: {
      active: 'practice',
      chosen: 'practice',
      isFixed: false,
      restarts: false,
      needsPassphraseFile: false,
    },
    shell: null,
    updates: updatesOf(busy, nowMs),
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
  };
}

function updatesOf(isConfigured: boolean, nowMs: number): AgentState['app']['updates'] {
  return {
    feed: isConfigured ? 'https://idlewatt.example/releases/' : null,
    doing: 'nothing',
    checkedAtMs: isConfigured ? nowMs - 30 * MINUTE_MS : null,
    finding: isConfigured ? 'current' : null,
    version: isConfigured ? '0.1.0' : null,
    ...{ bytes: null, receivedBytes: null, file: null, kind: null, problem: null, reason: null },
  };
}

function workOf({ busy, known, nowMs }: View): AgentState['work'] {
  return {
    perHour: busy ? { earned: '1840', hours: 31.5 } : null,
    presence: busy
      ? { decision: 'run', reason: 'idle', sinceMs: nowMs - 42 * MINUTE_MS, untilMs: null }
      : known
        ? { decision: 'pause', reason: 'no-model', sinceMs: nowMs - MINUTE_MS, untilMs: null }
        : { decision: 'pause', reason: 'session-unknown', sinceMs: nowMs - MINUTE_MS, untilMs: null },
    engine: busy ? 'ready' : 'stopped',
    model: busy ? MODEL : null,
    loaded: busy ? [{ model: MODEL, state: 'ready', jobs: 2 }] : [],
    backend: busy ? 'cpu' : null,
    threads: busy ? 2 : null,
    sandbox: busy ? { ...sandboxOf('in-force'), files: 'refused' } : null,
    graphicsProblems: busy
      ? [
          { backend: 'cuda', why: 'library', detail: 'libcudart.so.13' },
          { backend: 'vulkan', why: 'library', detail: 'libvulkan.so.1' },
        ]
      : [],
    hasJobSource: true,
    activeJobs: busy
      ? [
          {
            id: 'job-0001',
            model: MODEL,
            requester: 'BfXyVwCpM',
            startedAtMs: nowMs - 4_200,
            outputTokens: 118,
            inputTokens: 214,
            maxTokens: 256,
            charge: '14',
            tokensPerSecond: 34.2,
          },
          {
            id: 'job-0002',
            model: MODEL,
            requester: 'BfXyVwCpM',
            startedAtMs: nowMs - 600,
            outputTokens: 1,
            inputTokens: null,
            maxTokens: 512,
            charge: null,
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
  };
}

function moneyOf({ busy }: View): AgentState['money'] {
  return {
    asset: { id: TOKEN, symbol: 'USDC', decimals: 6, practice: true },
    coin: { id: 'eip155:31337/native', symbol: 'ETH', decimals: 18, practice: true },
    rate: null,
    earnedToday: busy ? '1283' : '0',
    earnedThisWeek: busy ? '8412' : '0',
    earnedTotal: busy ? '24354' : '0',
    owed: busy ? '4227' : '0',
    claimed: busy ? '1200' : '0',
    received: busy ? '18927' : '0',
    feesCoin: busy ? '231000000000417' : '0',
    waitingReason: busy ? 'below-threshold' : null,
    settleThreshold: '50000',
    payoutFee: busy ? '104000000000000' : null,
    coinPrice: null,
    rateProblem: null,
  };
}

function walletOf({ busy, known, nowMs }: View): AgentState['wallet'] {
  return {
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
  };
}

function machineOf({ busy, known, nowMs }: View): AgentState['machine'] {
  return {
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
    libraries: busy
      ? { state: 'absent', progress: null, error: null, downloadBytes: 540_000_000, diskBytes: 830_000_000 }
      : null,
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
  };
}

function networkOf({ busy, known, nowMs }: View): AgentState['network'] {
  return {
    peer: PEER,
    addresses: [`/ip4/127.0.0.1/tcp/40123/p2p/${PEER}`],
    isReachedFromOutside: false,
    ways: null,
    peers: busy
      ? [
          { peer: REQUESTER, connected: true, source: 'address', address: '/ip4/127.0.0.1/tcp/40991' },
          {
            peer: '12D3KooWGzq7mN4vYcR2xTs9LkJpE8aQdHhP5uW3oZtN1iBfVwCk',
            connected: false,
            source: 'mdns',
            address: '/ip4/192.168.1.20/tcp/4001',
          },
        ]
      : [],
    contacts: busy
      ? [
          { host: 'rpc.example', purpose: 'chain', lastAtMs: nowMs - MINUTE_MS, count: 212 },
          { host: 'files.example', purpose: 'models', lastAtMs: nowMs - 90 * MINUTE_MS, count: 3 },
          { host: '192.168.1.20', purpose: 'peers', lastAtMs: nowMs - 300 * MINUTE_MS, count: 1 },
        ]
      : [],
    inBytes: busy ? 1_840_220 : 0,
    outBytes: busy ? 3_022_904 : 0,
    gateway: known
      ? {
          baseUrl: 'http://127.0.0.1:41111/v1',
          port: 'open',
          key: 'iw-5f3d9c2b7a1e4860',
          model: busy ? MODEL : null,
        }
      : null,
  };
}
