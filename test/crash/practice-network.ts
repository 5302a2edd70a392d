/** The practice network under fire: started, killed process by process, and started again where it does not by itself. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { practiceNetwork } from '../../main/adapters/anvil/index.ts';
import { type ChainNode, connectNode } from '../../main/adapters/ethers/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { createSettings } from '../../main/core/settings/index.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../../scripts/lib/agent-process.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { descendants } from '../agent/practice-agent.ts';
import { type Books, readBooks } from './ledger-snapshot.ts';
import type { Target } from './plan.ts';

/** Base units per million tokens: dear, so that channels are used up and topped up all the time. */
const PRICE_OUTPUT_PER_MILLION = '400000000';
const PRICE_INPUT_PER_MILLION = '1000000';
/** Claims come when the run asks for them, and when an earlier one was cut off. */
const SETTLE_THRESHOLD = '1000000000';

const SERVING_MS_MAX = 60_000;
const START_ATTEMPTS = 4;
const LOOK_MS = 50;

export interface PracticeUnderFire {
  readonly gateway: () => { readonly baseUrl: string; readonly key: string };
  readonly chain: () => ChainNode;
  /** Payout address and the requester's own. */
  readonly addresses: () => { readonly payout: string; readonly purse: string };
  readonly books: () => { readonly provider: Books; readonly requester: Books };
  readonly api: () => AgentApi;
  /** SIGKILL to one process of the network, or to all of them. */
  kill(target: Target): Promise<void>;
  /** Kills the agent while it is being started again. */
  killWhileStarting(delayMs: number, target: Target): Promise<void>;
  /** Starts what does not start by itself, and resolves when answers can be bought again. */
  recover(): Promise<void>;
  /** Ends cleanly; the exit code. */
  stop(): Promise<number | null>;
  readonly home: string;
  /** How often the agent was started. */
  readonly starts: () => number;
}

interface Life {
  readonly agent: RunningAgent;
  readonly api: AgentApi;
  readonly chain: ChainNode;
  close(): void;
}

const MEASURED = {
  id: 'before-the-crashes',
  atMs: 0,
  kind: 'machine',
  conditions: JSON.stringify({
    os: 'any',
    devices: [],
    memoryBytes: null,
    physicalCores: null,
    cpuLoadPercent: null,
    renderer: null,
    quick: true,
  }),
  result: JSON.stringify({ measurements: [], unavailable: [] }),
};

/** A new practice network in `home`, quiet, serving the tiny model at the run's price. */
export async function startUnderFire(
  home: string,
  onStderr: (line: string) => void,
): Promise<PracticeUnderFire> {
  prepareHome(home);
  const paths = homePaths(home);
  const requesterPaths = homePaths(paths.requester);
  const args = ['--headless', '--home', home, '--quiet-requester'];
  let starts = 0;
  let life: Life | null = null;

  async function begin(): Promise<Life> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        starts += 1;
        const agent = await startAgent(args, { onStderr });
        const { page, chain } = agent.ready;
        if (page === null || chain === null) throw new Error('the practice agent has a page and a chain');
        const { api, close } = await connectApi(page);
        const node = connectNode(practiceNetwork(chain.rpcUrl));
        return {
          agent,
          api,
          chain: node,
          close() {
            close();
            node.close();
          },
        };
      } catch (error) {
        if (attempt >= START_ATTEMPTS) throw error;
        await pause(1_000);
      }
    }
  }

  const now = (): Life => {
    if (life === null) throw new Error('the practice network is not running');
    return life;
  };

  function isAlive(): boolean {
    const process = life?.agent.process;
    return process !== undefined && process.exitCode === null && process.signalCode === null;
  }

  function pidsOf(target: Target): number[] {
    const pid = now().agent.process.pid ?? 0;
    const below = (text: string) => descendants(pid, text);
    switch (target) {
      case 'agent':
        return [pid];
      case 'requester':
        return below('practice-requester');
      case 'engine':
        return below('engine-process');
      case 'chain':
        return below('anvil --host');
      case 'machine':
        return [pid, ...below('')];
    }
  }

  async function kill(target: Target): Promise<void> {
    const { agent } = now();
    for (const pid of pidsOf(target)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself in between.
      }
    }
    if (target === 'agent' || target === 'machine') await ended(agent);
  }

  async function ended(agent: RunningAgent): Promise<void> {
    const { process } = agent;
    if (process.exitCode !== null || process.signalCode !== null) return;
    await new Promise((resolve) => process.once('exit', resolve));
  }

  const waitForService = async (): Promise<void> => {
    const { api } = now();
    const state = await waitForState(
      api,
      ({ work, app }) =>
        (work.engine === 'ready' && work.presence.decision === 'run') ||
        work.engine === 'gave-up' ||
        app.notices.some(({ code }) => code === 'practice-requester-stopped'),
      { timeoutMs: SERVING_MS_MAX },
    );
    if (state.work.engine !== 'ready') throw new Error('gave up');
    await waitForGateway();
  };

  async function waitForGateway(): Promise<void> {
    const deadline = performance.now() + SERVING_MS_MAX;
    const { gateway } = now().agent.ready;
    while (gateway !== null) {
      try {
        const response = await fetch(`${gateway.baseUrl}/models`, {
          headers: { authorization: `Bearer ${gateway.key}` },
          signal: AbortSignal.timeout(5_000),
        });
        const { data } = (await response.json()) as { data?: unknown[] };
        if (data !== undefined && data.length > 0) return;
      } catch {
        // Being started.
      }
      if (performance.now() > deadline) throw new Error('the gateway did not come back');
      await pause(LOOK_MS);
    }
  }

  async function recover(): Promise<void> {
    if (!isAlive()) {
      life?.close();
      life = await begin();
    }
    try {
      await waitForService();
    } catch (error) {
      if (!(error instanceof Error && error.message === 'gave up')) throw error;
      // What was killed too often in a row waits for its owner: the agent is started anew.
      life?.close();
      await life?.agent.stop();
      life = await begin();
      await waitForService();
    }
  }

  await recover();
  return {
    home,
    starts: () => starts,
    gateway() {
      const { gateway } = now().agent.ready;
      if (gateway === null) throw new Error('the practice network has a gateway');
      return gateway;
    },
    chain: () => now().chain,
    addresses: () => ({ payout: addressIn(paths.keys), purse: addressIn(requesterPaths.keys) }),
    books: () => ({ provider: readBooks(paths.database), requester: readBooks(requesterPaths.database) }),
    api: () => now().api,
    kill,
    async killWhileStarting(delayMs, target) {
      await kill(target);
      life?.close();
      starts += 1;
      const starting = startAgent(args, { onStderr });
      let child: RunningAgent | null = null;
      starting.then(
        (agent) => {
          child = agent;
        },
        () => undefined,
      );
      await pause(delayMs);
      // It has no children that matter yet, or they end with it.
      for (const pid of descendants(process.pid, `agent-main.ts --headless --home ${home} `)) {
        process.kill(pid, 'SIGKILL');
      }
      await starting.catch(() => undefined);
      const late: RunningAgent | null = child;
      if (late !== null) await ended(late);
    },
    recover,
    async stop() {
      life?.close();
      const code = isAlive() ? await now().agent.stop() : null;
      life = null;
      return code;
    },
  };
}

/** The tiny model and the run's price are in the home before its first start; so no large model is looked for. */
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
    });
    // A machine that was measured already: a measurement would compete with what is tested.
    database.benchmarks.insert(MEASURED);
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

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
