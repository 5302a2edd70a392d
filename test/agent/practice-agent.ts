/** Starts a real agent on a data folder of its own for the tests of this folder, and queries it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SuiteContext, TestContext } from 'node:test';
import { readLog } from '../../main/adapters/pino/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../../scripts/lib/agent-process.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';

export interface PracticeAgent {
  readonly agent: RunningAgent;
  /** The provider's API and the requester's. */
  readonly api: AgentApi;
  readonly requester: AgentApi;
  /** The requester's. */
  readonly gateway: { readonly baseUrl: string; readonly key: string };
  close(): Promise<number | null>;
}

export function temporaryHome(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'idlewatt-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * Starts the practice network without automatic requests, and waits until a model is served: the tiny one unless the test
 * needs answers of a real one, which take long. A new data folder is that of a machine that was measured, because the
 * agent takes no job while it measures.
 */
export async function startPractice(
  home: string,
  model: 'tiny' | 'real' = 'tiny',
  more: readonly string[] = [],
): Promise<PracticeAgent> {
  if (!existsSync(homePaths(home).database))
    prepareMeasuredHome(home, model === 'tiny' ? TINY_MODEL_ID : null);
  const agent = await startAgent(['--headless', '--home', home, '--quiet-requester', ...more]);
  const { page, requester } = agent.ready;
  if (!page || !requester) throw new Error('the practice agent has a page and a requester');
  const provider = await connectApi(page);
  const buyer = await connectApi(requester.page);
  await waitForState(
    provider.api,
    (state) => state.work.engine === 'ready' && state.work.presence.decision === 'run',
    { timeoutMs: 300_000 },
  );
  return {
    agent,
    api: provider.api,
    requester: buyer.api,
    gateway: requester.gateway,
    async close() {
      provider.close();
      buyer.close();
      return agent.stop();
    },
  };
}

/**
 * For `afterEach`: prints the warnings in the logs of both agents after a test that failed, since their folder is removed.
 */
export function showWarnings(home: string): (context: TestContext | SuiteContext) => void {
  return (context) => {
    if (!('passed' in context) || context.passed) return;
    for (const { logs } of [homePaths(home), homePaths(homePaths(home).requester)]) {
      for (const { level, text } of readLog(logs)) {
        if (level === 'warn' || level === 'error') console.error(text);
      }
    }
  };
}

/** An address without a listener. */
const NOWHERE = 'http://127.0.0.1:9';

/** Starts an agent that reaches no source of models, without automatic requests. */
export function startWithoutSources(home: string): Promise<RunningAgent> {
  return startAgent(['--headless', '--home', home, '--quiet-requester'], {
    env: {
      IDLEWATT_MODEL_CACHE: join(home, 'empty-cache'),
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: NOWHERE,
      PIP_NO_INDEX: '1',
    },
  });
}

/** Returns one side's balance of an account, in one asset or in all of them. */
export async function booked(api: AgentApi, account: string, assetId?: string): Promise<bigint> {
  const { entries } = await api.earnings.entries({ limit: 500 });
  return entries
    .flatMap((entry) => entry.lines)
    .filter((line) => line.account === account && (assetId === undefined || line.assetId === assetId))
    .reduce((sum, line) => sum + BigInt(line.amount), 0n);
}

/** Returns the IDs of the processes below `pid` whose command line contains `text`. */
export function descendants(pid: number, text: string): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
      return match ? [{ pid: Number(match[1]), parent: Number(match[2]), args: match[3] ?? '' }] : [];
    });
  const below = new Set([pid]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const row of rows) {
      if (below.has(row.parent) && !below.has(row.pid)) {
        below.add(row.pid);
        grown = true;
      }
    }
  }
  return rows
    .filter((row) => row.pid !== pid && below.has(row.pid) && row.args.includes(text))
    .map((row) => row.pid);
}

/** Polls every 50 ms for a condition that has no event, also while `check` fails; fails after 20 s with its last error. */
export async function eventually<T>(what: string, check: () => Promise<T | null>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    let failure: unknown;
    const seen = await check().catch((error: unknown) => {
      failure = error;
      return null;
    });
    if (seen !== null) return seen;
    if (performance.now() > deadline) throw new Error(`did not happen in time: ${what}`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
