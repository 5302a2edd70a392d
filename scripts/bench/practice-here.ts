/**
 * Practice network for benchmarks, with the provider's agent inside this process, so that its engine can be observed
 * and called directly. The requester that buys is a separate process.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, createAgent } from '../../main/agent.ts';
import { firstModel } from '../../main/core/practice/index.ts';
import type { AgentState } from '../../shared/api/state.ts';
import type { LogThreshold } from '../../shared/log.ts';
import { connectApi, waitForState } from '../lib/agent-process.ts';
import { AGENT_PROGRAM } from '../lib/places.ts';
import type { Gateway, Question } from './streams.ts';

const PROMPTS = [
  'Explain in a few sentences why the sky is blue.',
  'Write a short story about a lighthouse keeper and a storm.',
  'Describe how bread is made, step by step.',
  'What should somebody think about before buying a bicycle?',
];
/** The first start downloads the model. */
const READY_MS_MAX = 20 * 60_000;
const MARKET_MS_MAX = 120_000;
const MARKET_CHECK_MS = 500;

/** Runs with a data folder that is removed afterwards. */
export async function inTemporaryHome<T>(measure: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'idlewatt-bench-'));
  try {
    return await measure(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Starts the provider with a quiet requester, so that only the benchmark sends requests. */
export function startProviderHere(home: string, logLevel: LogThreshold = 'info'): Promise<Agent> {
  return createAgent(
    {
      home,
      profile: 'practice',
      host: 'headless',
      role: 'owner',
      pagePort: 0,
      gatewayPort: 0,
      passphraseFile: null,
      passphrase: null,
      rpcUrl: null,
      connect: [],
      quietRequester: true,
      logLevel,
      entry: AGENT_PROGRAM,
    },
    { quit: () => undefined },
  );
}

/** Returns one of a few prompts by number. */
export function question(index: number, maxTokens: number): Question {
  return { text: PROMPTS[index % PROMPTS.length] ?? '', maxTokens };
}

/** True when jobs are taken: none is during the measurement at the start. */
export function takesJobs({ work, machine }: AgentState): boolean {
  const isMeasured = machine.benchmark.state === 'done' || machine.benchmark.state === 'failed';
  return work.engine === 'ready' && work.presence.decision === 'run' && isMeasured;
}

/** Waits until a real model is served and the agent's first benchmark is over. Returns its quantization, backend and threads. */
export async function waitForModel(page: { url: string; token: string }): Promise<string> {
  const { api, close } = await connectApi(page);
  try {
    const { work, models } = await waitForState(api, takesJobs, { timeoutMs: READY_MS_MAX });
    const active = models.models.find((model) => model.active);
    if (active === undefined || active.bundled) {
      throw new Error(
        'No real model could be downloaded, and the speed of the bundled tiny one is not meaningful.',
      );
    }
    return `${active.quantisation}, ${work.backend}, ${work.threads} threads`;
  } finally {
    close();
  }
}

/** Waits until the gateway has found a provider and returns its first model. */
export async function waitForMarket(gateway: Gateway, checkMs = MARKET_CHECK_MS): Promise<string> {
  const endMs = performance.now() + MARKET_MS_MAX;
  while (performance.now() < endMs) {
    const model = await firstModel({ gateway, fetch }).catch(() => null);
    if (model !== null) return model;
    await sleep(checkMs);
  }
  throw new Error('The gateway found no provider.');
}
