/**
 * Failover in the middle of an answer, with everything real: two providers sell the same model on one practice chain, and
 * the agent of the one that answers is killed, or stopped as if its machine hung. Each answer is compared with the one to
 * the same question that nobody interrupted. Each round has a new buyer, because a buyer avoids a peer that failed. It starts
 * twice: one that runs asks a peer that sold nothing for its offer again only after minutes.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_MODEL_ID } from '../../main/core/models/index.ts';
import type { AgentState } from '../../shared/api/state.ts';
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

/** Of each fault. A busy machine ends with fewer after {@link MEASURED_MS_MAX}. */
const ROUNDS_MAX = 10;
const MEASURED_MS_MAX = 180_000;
/** Providers that sell at the same time. */
const SELLING = 2;
const TOKENS = 60;
/** Pieces after which the provider goes away. */
const PIECES_BEFORE = 10;
const READY_MS_MAX = 240_000;
const FOUND_MS_MAX = 60_000;
/** For a state that follows from what has just happened. */
const SOON = { timeoutMs: 10_000 };
const CHECK_MS = 10;
/** Receipts that a provider earns before an answer of it is interrupted. */
const RECEIPTS = 2;
const GAP_MS_GOAL = 1_500;

/** SIGSTOP leaves every connection open. */
const FAULTS = { killed: 'SIGKILL', stalled: 'SIGSTOP' } as const;
type Fault = keyof typeof FAULTS;

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
    progress(`Starting a practice network and ${SELLING} more providers.`);
    prepareMeasuredHome(`${home}/chain`);
    const chain = await startAgent(['--headless', '--home', `${home}/chain`, '--quiet-requester']);
    const selling: Provider[] = [];
    try {
      await pause(chain);
      const { rpcUrl } = forceUnwrap('the practice network has a chain', chain.ready.chain);
      return await measure({ home, rpcUrl, selling });
    } finally {
      for (const provider of selling) await end(provider);
      await chain.stop();
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

/** Starts a provider that takes jobs. */
async function openProvider(home: string, rpcUrl: string): Promise<Provider> {
  prepareMeasuredHome(home, DEFAULT_MODEL_ID);
  const agent = await startOnChain(home, rpcUrl);
  const { api, close } = await connectApi(forceUnwrap('it has a page', agent.ready.page));
  await waitForState(api, takesJobs, { timeoutMs: READY_MS_MAX });
  return { agent, api, close };
}

interface Market {
  readonly home: string;
  readonly rpcUrl: string;
  /** The providers that run now. */
  readonly selling: Provider[];
}

/** Each round ends a provider for good; the next one begins with another in its place. */
async function measure(market: Market): Promise<BenchResult> {
  const gaps: Record<Fault, number[]> = { killed: [], stalled: [] };
  let same = 0;
  let started = 0;
  const endMs = performance.now() + MEASURED_MS_MAX;
  for (let round = 0; round < ROUNDS_MAX && (round === 0 || performance.now() < endMs); round += 1) {
    for (const fault of Object.keys(FAULTS) as Fault[]) {
      while (market.selling.length < SELLING) {
        started += 1;
        market.selling.push(await openProvider(join(market.home, `provider-${started}`), market.rpcUrl));
      }
      const { gapMs, isSame } = await runRound(market, round, fault);
      gaps[fault].push(gapMs);
      if (isSame) same += 1;
      progress(`${fault}, round ${round + 1}: ${Math.round(gapMs)} ms, ${isSame ? 'same' : 'other'} text`);
    }
  }
  return resultOf(gaps, same);
}

function resultOf(gaps: Readonly<Record<Fault, readonly number[]>>, same: number): BenchResult {
  const rounds = gaps.killed.length + gaps.stalled.length;
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
      `failover: ${gaps.killed.length} rounds for each fault, each with a new buyer and ${SELLING} providers of ${DEFAULT_MODEL_ID}, one of them killed or stopped after ${PIECES_BEFORE} pieces of an answer of up to ${TOKENS} tokens`,
      'a gap is the longest time without a piece, and includes computing the question and the text so far',
    ],
  };
}

/** Runs a buyer that is connected to all providers, and finds their offers at its start. */
async function withBuyer<T>(
  { home, rpcUrl, selling }: Market,
  name: string,
  buy: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  const connect = selling.flatMap(({ agent }) => ['--connect', addressOf(agent)]);
  const buyer = await startOnChain(join(home, name), rpcUrl, '--practice-requester', ...connect);
  const gateway = forceUnwrap('a buyer has a gateway', buyer.ready.gateway);
  try {
    await providersKnown(gateway, selling.length);
    return await buy(gateway);
  } finally {
    await buyer.stop();
  }
}

async function runRound(
  market: Market,
  index: number,
  fault: Fault,
): Promise<{ readonly gapMs: number; readonly isSame: boolean }> {
  const { selling } = market;
  const name = `buyer-${fault}-${index}`;
  await withBuyer(market, name, (gateway) => prove(gateway, selling));
  for (const { api } of selling) {
    await api.presence.resume({});
    await waitForState(api, takesJobs, { timeoutMs: READY_MS_MAX });
  }
  const { provider, gapMs, isSame } = await withBuyer(market, name, async (gateway) => {
    const whole = await collect(ask(gateway, index));
    const interrupted = await interrupt(gateway, index, selling, fault);
    return { ...interrupted, isSame: interrupted.text === whole };
  });
  selling.splice(selling.indexOf(provider), 1);
  await end(provider);
  return { gapMs, isSame };
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
    provider = await firstWhere(providers, ({ work }) => work.activeJobs.length > 0);
    sinceMs = performance.now();
    provider.agent.process.kill(FAULTS[fault]);
  }
  if (provider === null || gapMs === 0) throw new Error('The answer ended before it was interrupted.');
  return { provider, gapMs, text };
}

/**
 * Buys from each provider until it is trusted: an answer is continued by at most one provider that has proven nothing. A
 * proven one takes no jobs meanwhile.
 */
async function prove(gateway: Gateway, selling: readonly Provider[]): Promise<void> {
  const proven = new Set<Provider>();
  while (proven.size < selling.length) {
    const provider = await buyOnce(gateway, selling);
    for (let bought = 1; bought < RECEIPTS; bought += 1) await collect(ask(gateway, bought, 8));
    await provider.api.presence.pause({ until: 'resume' });
    proven.add(provider);
  }
}

/** Buys an answer; returns the provider of it, once it has recorded the charge. */
async function buyOnce(gateway: Gateway, selling: readonly Provider[]): Promise<Provider> {
  const served = await Promise.all(
    selling.map(async ({ api }) => (await waitForState(api, () => true, SOON)).work.jobsToday.served),
  );
  await collect(ask(gateway, 0, 8));
  return firstWhere(selling, ({ work }, index) => work.jobsToday.served > (served[index] ?? 0));
}

/** Resolves to the first provider whose state meets the condition. */
function firstWhere(
  providers: readonly Provider[],
  condition: (state: AgentState, index: number) => boolean,
): Promise<Provider> {
  return Promise.any(
    providers.map(async (provider, index) => {
      await waitForState(provider.api, (state) => condition(state, index), SOON);
      return provider;
    }),
  );
}

/** Its engine and its lock end with it. */
async function end({ agent, close }: Provider): Promise<void> {
  close();
  agent.process.kill('SIGKILL');
  await agent.stop();
}

/** Waits until the gateway lists this number of providers. */
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
