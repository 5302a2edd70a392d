/** The practice network of a crash run: processes can be killed one by one, and are started again if they don't restart. */

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { ChainNode } from '../../main/adapters/ethers/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { createSettings } from '../../main/core/settings/index.ts';
import { type AgentApi, waitForState } from '../../scripts/lib/agent-process.ts';
import { storeBenchmark } from '../../scripts/lib/stored-benchmark.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { AgentLife, type Life, sendSignal } from './agent-life.ts';
import { type Books, readBooks } from './ledger-snapshot.ts';
import { pause } from './pause.ts';
import type { Side, Target } from './plan.ts';

/** Base units per million tokens: expensive, so that channels are used up and topped up all the time. */
const PRICE_OUTPUT_PER_MILLION = '400000000';
const PRICE_INPUT_PER_MILLION = '1000000';
/** More than a run spends. */
const BUDGET = '1000000000000';
/** High, so that claims happen only when the run requests them, and when an earlier one was interrupted. */
const SETTLE_THRESHOLD = '1000000000';

const DISK_FULL_SENTENCE = 'The disk is full, so nothing more can be saved.';
const LOST_SENTENCE = /it is older, or its write-ahead log is lost/;

/** The engine has the lowest priority: on a busy machine, loading takes minutes. */
const SERVING_MS_MAX = 180_000;
const CHECK_MS = 50;

export interface CrashNetwork {
  readonly gateway: () => { readonly baseUrl: string; readonly key: string };
  readonly chain: () => ChainNode;
  /** The provider's payout address and the requester's own address. */
  readonly addresses: () => { readonly payout: string; readonly requesterAddress: string };
  readonly books: () => { readonly provider: Books; readonly requester: Books };
  readonly api: () => AgentApi;
  /** Sends SIGKILL to one process of the network, or to all of them. */
  kill(target: Target): Promise<void>;
  /** Kills the agent while it is being started again. */
  killWhileStarting(delayMs: number, target: Target): Promise<void>;
  /** Starts the processes that don't restart automatically. Resolves when responses can be bought again. */
  recover(): Promise<void>;
  readonly isAlive: () => boolean;
  /** Sends a signal to processes of the network and returns those that got it. */
  signal(target: Target, signal: NodeJS.Signals): readonly number[];
  /** Resumes stopped processes, as far as they still exist. */
  resume(pids: readonly number[]): void;
  /** Ends cleanly and returns the exit code. */
  stop(): Promise<number | null>;
  /**
   * Starts the agent on a full disk. Returns null if it runs or was refused for that reason, else what it printed.
   */
  beginOnFullDisk(): Promise<string | null>;
  /**
   * Takes a database's write-ahead log away, starts the agent, and puts the log back if the start was refused for that
   * reason. Everything must have ended before.
   */
  loseLog(side: Side, how: 'deleted' | 'cut'): Promise<LostLog>;
  /** Number of agent starts. */
  readonly starts: () => number;
}

/** `empty`: there was nothing to lose. `unnoticed`: the agent runs, so nothing of worth may be missing. */
export type LostLog =
  | { readonly kind: 'empty' | 'refused' | 'unnoticed' }
  | { readonly kind: 'failed'; readonly output: string };

/** Starts a new practice network, without automatic requests, serving the tiny model at the run's price. */
export async function startCrashNetwork(
  home: string,
  environment: Readonly<Record<string, string>>,
  onStderr: (line: string) => void,
): Promise<CrashNetwork> {
  prepareHome(home);
  const paths = homePaths(home);
  const requesterPaths = homePaths(paths.requester);
  const life = new AgentLife(home, environment, onStderr);
  await recover(life);
  return {
    starts: () => life.starts,
    gateway() {
      const { requester } = life.now().agent.ready;
      if (requester === null) throw new Error('the practice network has a requester');
      return requester.gateway;
    },
    chain: () => life.now().chain,
    addresses: () => ({
      payout: addressIn(paths.keys),
      requesterAddress: addressIn(requesterPaths.keys),
    }),
    books: () => ({ provider: readBooks(paths.database), requester: readBooks(requesterPaths.database) }),
    api: () => life.now().api,
    kill: (target) => life.kill(target),
    killWhileStarting: (delayMs, target) => life.killWhileStarting(delayMs, target),
    recover: () => recover(life),
    isAlive: () => life.isAlive(),
    signal: (target, signal) => life.signal(target, signal),
    resume: (pids) => void sendSignal(pids, 'SIGCONT'),
    stop: () => life.stop(),
    async beginOnFullDisk() {
      const output = await life.tryBegin();
      return output === null || output.includes(DISK_FULL_SENTENCE) ? null : output;
    },
    loseLog: (side, how) => loseLog(life, (side === 'provider' ? paths : requesterPaths).database, how),
  };
}

async function loseLog(life: AgentLife, database: string, how: 'deleted' | 'cut'): Promise<LostLog> {
  await life.allEnded();
  const log = `${database}-wal`;
  const bytes = existsSync(log) ? statSync(log).size : 0;
  if (bytes === 0) return { kind: 'empty' };
  const saved = `${log}.saved`;
  copyFileSync(log, saved);
  // The index of the log: it would hide that the log is gone.
  rmSync(`${database}-shm`, { force: true });
  if (how === 'deleted') rmSync(log);
  else truncateSync(log, Math.floor(bytes / 2));
  const output = await life.tryBegin();
  if (output !== null) {
    await life.allEnded();
    rmSync(`${database}-shm`, { force: true });
    copyFileSync(saved, log);
  }
  rmSync(saved);
  if (output === null) return { kind: 'unnoticed' };
  return LOST_SENTENCE.test(output) ? { kind: 'refused' } : { kind: 'failed', output };
}

async function recover(life: AgentLife): Promise<void> {
  if (!life.isAlive()) await life.begin();
  if (await waitForService(life.now())) return;
  // A process that was killed too often in a row is given up until the owner acts: restart the agent.
  await life.restart();
  if (!(await waitForService(life.now()))) throw new Error('the agent gave up again after a restart');
}

/** Waits until responses can be bought; false when the agent gave a process up. */
async function waitForService({ api, agent }: Life): Promise<boolean> {
  const state = await waitForState(
    api,
    ({ work, app }) =>
      (work.engine === 'ready' && work.presence.decision === 'run') ||
      work.engine === 'gave-up' ||
      app.notices.some(({ code }) => code === 'practice-requester-stopped'),
    { timeoutMs: SERVING_MS_MAX },
  );
  if (state.work.engine !== 'ready') return false;
  const { gateway } = agent.ready;
  if (gateway !== null) await waitForGateway(gateway);
  return true;
}

async function waitForGateway(gateway: { readonly baseUrl: string; readonly key: string }): Promise<void> {
  const deadline = performance.now() + SERVING_MS_MAX;
  for (;;) {
    try {
      const response = await fetch(`${gateway.baseUrl}/models`, {
        headers: { authorization: `Bearer ${gateway.key}` },
        signal: AbortSignal.timeout(5_000),
      });
      const { data } = (await response.json()) as { data?: unknown[] };
      if (data !== undefined && data.length > 0) return;
    } catch {
      // The gateway is still starting.
    }
    if (performance.now() > deadline) throw new Error('the gateway did not come back');
    await pause(CHECK_MS);
  }
}

/**
 * Stores the tiny model and the run's price in a data folder before its first start, so that it
 * doesn't search for a large model.
 */
export function prepareHome(home: string): void {
  const paths = homePaths(home);
  mkdirSync(paths.root, { recursive: true, mode: 0o700 });
  const database = openDatabase(paths.database);
  try {
    database.records.set('serving', 'model', JSON.stringify(TINY_MODEL_ID));
    createSettings({ records: database.records, defaults: DEFAULT_SETTINGS }).change({
      priceInputPerMillion: PRICE_INPUT_PER_MILLION,
      priceOutputPerMillion: PRICE_OUTPUT_PER_MILLION,
      settleThreshold: SETTLE_THRESHOLD,
      ...BUYING,
    });
    storeBenchmark(database);
  } finally {
    database.close();
  }
  permitPrices(paths.requester);
}

/** Permits the run's price, which exceeds the limits of an ordinary buyer by far. */
const BUYING = {
  buyPriceInputMax: PRICE_INPUT_PER_MILLION,
  buyPriceOutputMax: PRICE_OUTPUT_PER_MILLION,
  buyDayMax: BUDGET,
  buyRequestMax: BUDGET,
  buyNewProviderMax: BUDGET,
} as const;

function permitPrices(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const database = openDatabase(homePaths(home).database);
  try {
    createSettings({ records: database.records, defaults: DEFAULT_SETTINGS }).change(BUYING);
  } finally {
    database.close();
  }
}

function addressIn(folder: string): string {
  const { address } = JSON.parse(readFileSync(join(folder, 'wallet-address.json'), 'utf8')) as {
    address: string;
  };
  return address;
}
