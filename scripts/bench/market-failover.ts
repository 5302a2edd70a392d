/**
 * Failover in the middle of an answer, with everything real: two providers sell the same model on one practice chain, and
 * the agent of the one that answers is killed, or stopped as if its machine hung. Each answer is compared with the one to
 * the same question that nobody interrupted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_MODEL_ID } from '../../main/core/models/index.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { median } from '../../shared/statistics.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../lib/agent-process.ts';
import { prepareMeasuredHome } from '../lib/stored-benchmark.ts';
import { inTemporaryHome, question, takesJobs } from './practice-here.ts';
import { atMost, type BenchResult, progress } from './result.ts';
import { type Gateway, requestChat } from './streams.ts';

const ROUNDS = 10;
/** Providers that sell at the same time. */
const SELLING = 2;
const TOKENS = 60;
/** Pieces after which the provider goes away. */
const PIECES_BEFORE = 10;
const READY_MS_MAX = 120_000;
const FOUND_MS_MAX = 120_000;
const CHECK_MS = 10;
/** Receipts that a provider earns before an answer of it is interrupted. */
const RECEIPTS = 3;
const GAP_MS_GOAL = 1_500;

/** SIGSTOP leaves every connection open. */
const FAULTS = { killed: 'SIGKILL', stalled: 'SIGSTOP' } as const;
type Fault = keyof typeof FAULTS;
const PROVIDERS = ROUNDS * Object.keys(FAULTS).length + SELLING - 1;

interface Provider {
  readonly agent: RunningAgent;
  readonly api: AgentApi;
  close(): void;
}

interface Interrupted {
  /** The longest time without a piece since the provider went away; pieces that were on their way come before it. */
  readonly gapMs: number;
  readonly text: string;
}

export async function run(): Promise<BenchResult> {
  return inTemporaryHome(async (home) => {
    progress(`Starting a practice network, ${PROVIDERS} more providers and a buyer.`);
    prepareMeasuredHome(`${home}/chain`);
    const chain = await startAgent(['--headless', '--home', `${home}/chain`, '--quiet-requester']);
    const agents = [chain];
    const providers: Provider[] = [];
    try {
      await pause(chain);
      const { rpcUrl } = forceUnwrap('the practice network has a chain', chain.ready.chain);
      while (providers.length < PROVIDERS) {
        providers.push(await openProvider(`${home}/provider-${providers.length}`, rpcUrl));
      }
      const connect = providers.flatMap(({ agent }) => ['--connect', addressOf(agent)]);
      const buyer = await startOnChain(`${home}/buyer`, rpcUrl, '--practice-requester', ...connect);
      agents.push(buyer);
      return await measure(forceUnwrap('a buyer has a gateway', buyer.ready.gateway), providers);
    } finally {
      for (const provider of providers) await end(provider);
      for (const agent of agents.reverse()) await agent.stop();
    }
  });
}

function startOnChain(home: string, rpcUrl: string, ...more: readonly string[]): Promise<RunningAgent> {
  return startAgent(['--headless', '--home', home, '--rpc', rpcUrl, '--quiet-requester', ...more]);
}

function addressOf({ ready }: RunningAgent): string {
  return forceUnwrap('a peer has an address', ready.peer.addresses[0]);
}

/** Takes no job from now on: this agent keeps the chain. */
async function pause({ ready }: RunningAgent): Promise<void> {
  const { api, close } = await connectApi(forceUnwrap('it has a page', ready.page));
  await api.presence.pause({ until: 'resume' });
  close();
}

/** Starts a provider that takes no job yet. */
async function openProvider(home: string, rpcUrl: string): Promise<Provider> {
  prepareMeasuredHome(home, DEFAULT_MODEL_ID);
  const agent = await startOnChain(home, rpcUrl);
  const { api, close } = await connectApi(forceUnwrap('it has a page', agent.ready.page));
  await api.presence.pause({ until: 'resume' });
  return { agent, api, close };
}

/** Each round ends a provider for good, because a peer that failed is avoided for minutes. */
async function measure(gateway: Gateway, providers: readonly Provider[]): Promise<BenchResult> {
  const gaps: Record<Fault, number[]> = { killed: [], stalled: [] };
  let same = 0;
  for (const provider of providers) await prove(gateway, provider);
  const waiting = [...providers];
  const selling: Provider[] = [];
  for (const fault of Object.keys(FAULTS) as Fault[]) {
    for (let round = 0; round < ROUNDS; round += 1) {
      while (selling.length < SELLING)
        selling.push(await resume(forceUnwrap('one is left', waiting.shift())));
      await providersKnown(gateway, SELLING);
      const whole = await collect(ask(gateway, round));
      const { provider, gapMs, text } = await interrupt(gateway, round, selling, fault);
      gaps[fault].push(gapMs);
      if (text === whole) same += 1;
      progress(
        `${fault}, round ${round + 1}: ${Math.round(gapMs)} ms, ${text === whole ? 'same' : 'other'} text`,
      );
      selling.splice(selling.indexOf(provider), 1);
      await end(provider);
    }
  }
  const rounds = ROUNDS * Object.keys(FAULTS).length;
  const [killed, stalled] = [median(gaps.killed) ?? Number.NaN, median(gaps.stalled) ?? Number.NaN];
  return {
    figures: {
      answersInterrupted: rounds,
      gapAfterKillP50Ms: killed,
      gapAfterKillMaxMs: Math.max(...gaps.killed),
      gapAfterStallP50Ms: stalled,
      gapAfterStallMaxMs: Math.max(...gaps.stalled),
      answersAsUninterrupted: same,
    },
    goals: {
      gapAfterKillP50Ms: atMost(killed, GAP_MS_GOAL),
      gapAfterStallP50Ms: atMost(stalled, GAP_MS_GOAL),
      answersAsUninterrupted: { goal: rounds, met: same === rounds },
    },
    notes: [
      `failover: ${SELLING} providers of ${DEFAULT_MODEL_ID}, one of them killed or stopped after ${PIECES_BEFORE} pieces of an answer of up to ${TOKENS} tokens`,
      'a gap is the longest time without a piece, and includes computing the question and the text so far',
    ],
  };
}

/** Yields the pieces of an answer's text. */
async function* ask(gateway: Gateway, index: number, tokens = TOKENS): AsyncGenerator<string> {
  for await (const { choices } of requestChat(gateway, DEFAULT_MODEL_ID, question(index, tokens))) {
    const piece = choices?.[0]?.delta?.content;
    if (piece) yield piece;
  }
}

async function collect(pieces: AsyncGenerator<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

async function interrupt(
  gateway: Gateway,
  index: number,
  providers: readonly Provider[],
  fault: Fault,
): Promise<Interrupted & { readonly provider: Provider }> {
  let [text, pieces, sinceMs, gapMs] = ['', 0, 0, 0];
  let provider: Provider | null = null;
  for await (const piece of ask(gateway, index)) {
    text += piece;
    pieces += 1;
    if (provider !== null) {
      gapMs = Math.max(gapMs, performance.now() - sinceMs);
      sinceMs = performance.now();
    }
    if (pieces !== PIECES_BEFORE) continue;
    provider = await answering(providers);
    sinceMs = performance.now();
    provider.agent.process.kill(FAULTS[fault]);
  }
  if (provider === null || gapMs === 0) throw new Error('The answer ended before it was interrupted.');
  return { provider, gapMs, text };
}

/** Returns the provider that has a running job. */
async function answering(providers: readonly Provider[]): Promise<Provider> {
  for (const provider of providers) {
    const { jobs } = await provider.api.jobs.list({ side: 'sold', limit: 1 });
    if (jobs[0]?.state === 'running') return provider;
  }
  throw new Error('No provider has a running job.');
}

/**
 * Buys from this provider alone until it is trusted: an answer is continued by at most one provider that has proven nothing.
 */
async function prove(gateway: Gateway, provider: Provider): Promise<void> {
  await resume(provider);
  await providersKnown(gateway, 1);
  for (let bought = 0; bought < RECEIPTS; bought += 1) await collect(ask(gateway, bought, 8));
  await provider.api.presence.pause({ until: 'resume' });
  await providersKnown(gateway, 0);
}

async function resume(provider: Provider): Promise<Provider> {
  await provider.api.presence.resume({});
  await waitForState(provider.api, takesJobs, { timeoutMs: READY_MS_MAX });
  return provider;
}

/** Its engine and its lock end with it. */
async function end({ agent, close }: Provider): Promise<void> {
  close();
  agent.process.kill('SIGKILL');
  await agent.stop();
}

/** Waits until the gateway lists this number of providers that take jobs. */
async function providersKnown(gateway: Gateway, count: number): Promise<void> {
  const endMs = performance.now() + FOUND_MS_MAX;
  while (performance.now() < endMs) {
    const response = await fetch(`${gateway.baseUrl}/models`, {
      headers: { authorization: `Bearer ${gateway.key}` },
    });
    const { data } = (await response.json()) as { data: readonly { readonly providers?: number }[] };
    if ((data[0]?.providers ?? 0) === count) return;
    await sleep(CHECK_MS);
  }
  throw new Error(`The gateway did not find ${count} providers.`);
}
