/**
 * `npm run bench -- serve`: measures the overhead of the market over the engine alone.
 *
 * The provider's agent runs inside this process, so that its engine can be called both ways: through gateway, libp2p,
 * payment and ledger (bought by the practice requester, a separate process), and directly over the engine's port. Both
 * sides therefore use the same engine process, the same loaded model and the same prompts, alternate (A B, B A, ...) and
 * are read by the same client. That client shares a process with the provider, which can only make the bought side look
 * slower, never faster.
 *
 * The cost of the log is the ratio of two practice networks' speeds, one with the log at `info` and one `silent`.
 *
 * Memory and idle load are measured in a last run, on the agent as users start it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../main/agent.ts';
import { median, spreadPercent } from '../../shared/statistics.ts';
import { startAgent } from '../lib/agent-process.ts';
import { cacheFolder } from '../lib/places.ts';
import {
  inTemporaryHome,
  question,
  startProviderHere,
  waitForMarket,
  waitForModel,
} from './practice-here.ts';
import { measureProcess } from './process-cost.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';
import { type Ask, directly, throughGateway } from './streams.ts';

const ANSWER_TOKENS = 96;
const ONE_STREAM_PAIRS = 9;
const FOUR_STREAM_PAIRS = 6;
const FIRST_TOKEN_PAIRS = 21;
const LOG_PAIRS = 31;
/** Time after the start for timers and garbage collection to settle. */
const SETTLE_MS = 20_000;
const IDLE_MS = 20_000;

const RATIO_GOAL = 0.9;
const FIRST_TOKEN_ADDED_MS_GOAL = 40;
const RESIDENT_MEGABYTES_GOAL = 200;
const IDLE_CORE_PERCENT_GOAL = 2;
const LOG_RATIO_GOAL = 0.99;

export async function run(): Promise<BenchResult> {
  process.env.IDLEWATT_MODEL_CACHE ??= join(cacheFolder(), 'models');
  const speed = await inTemporaryHome(measureSpeed);
  const log = await inTemporaryHome((logged) => inTemporaryHome((silent) => measureLog(logged, silent)));
  const cost = await inTemporaryHome(measureCost);
  return {
    figures: { ...speed.figures, ...log.figures, ...cost.figures },
    goals: { ...speed.goals, ...log.goals, ...cost.goals },
    notes: [...speed.notes, ...log.notes, ...cost.notes],
  };
}

async function measureSpeed(home: string): Promise<BenchResult> {
  progress('Starting the practice network with the provider in this process.');
  const agent = await startProviderHere(home);
  try {
    const { page, requester } = agent.ready;
    if (page === null || requester === null) throw new Error('The agent has no page or no requester.');
    const { gateway } = requester;
    const served = await waitForModel(page);
    const model = await waitForMarket(gateway);
    progress(`Comparing ${model} (${served}), bought and called directly.`);
    return {
      // A requester of its own: both sides may reuse what was computed for their earlier prompts.
      ...(await compare(throughGateway(gateway, model), directly(agent.engine, 'the benchmark'))),
      notes: [`model ${model}, ${served}`],
    };
  } finally {
    await agent.stop();
  }
}

async function compare(bought: Ask, direct: Ask): Promise<Pick<BenchResult, 'figures' | 'goals'>> {
  // Four concurrent streams first, which open and fund as many channels as will be needed.
  await tokensPerSecond(bought, 4, 0);
  await tokensPerSecond(direct, 4, 0);

  const one = await takeTurns(ONE_STREAM_PAIRS, bought, direct, (ask, round) =>
    tokensPerSecond(ask, 1, round),
  );
  progress(`One stream: ${one.bought.toFixed(1)} bought, ${one.direct.toFixed(1)} direct tokens/s.`);
  const four = await takeTurns(FOUR_STREAM_PAIRS, bought, direct, (ask, round) =>
    tokensPerSecond(ask, 4, round),
  );
  progress(`Four streams: ${four.bought.toFixed(1)} bought, ${four.direct.toFixed(1)} direct tokens/s.`);
  const first = await takeTurns(FIRST_TOKEN_PAIRS, bought, direct, async (ask, round) => {
    return (await ask(question(round, 4))).firstTokenMs;
  });
  progress(`First token: ${first.bought.toFixed(1)} ms bought, ${first.direct.toFixed(1)} ms direct.`);

  const oneRatio = middle(one.pairs.map(([left, right]) => left / right));
  const fourRatio = middle(four.pairs.map(([left, right]) => left / right));
  const added = middle(first.pairs.map(([left, right]) => left - right));
  return {
    figures: {
      tokensPerSecondRatioOneStream: oneRatio,
      tokensPerSecondRatioFourStreams: fourRatio,
      timeToFirstTokenAddedMsMedian: added,
      boughtTokensPerSecondOneStream: one.bought,
      directTokensPerSecondOneStream: one.direct,
      boughtTokensPerSecondFourStreams: four.bought,
      directTokensPerSecondFourStreams: four.direct,
      ratioOneStreamSpreadPercent: spread(one.pairs.map(([left, right]) => left / right)),
      ratioFourStreamsSpreadPercent: spread(four.pairs.map(([left, right]) => left / right)),
    },
    goals: {
      tokensPerSecondRatioOneStream: atLeast(oneRatio, RATIO_GOAL),
      tokensPerSecondRatioFourStreams: atLeast(fourRatio, RATIO_GOAL),
      timeToFirstTokenAddedMsMedian: atMost(added, FIRST_TOKEN_ADDED_MS_GOAL),
    },
  };
}

/** Measures both sides alternately, changing which goes first each round, and pairs the results of a round. */
async function takeTurns(
  rounds: number,
  bought: Ask,
  direct: Ask,
  measure: (ask: Ask, round: number) => Promise<number>,
): Promise<{ pairs: [bought: number, direct: number][]; bought: number; direct: number }> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const left = await measure(bought, round);
      pairs.push([left, await measure(direct, round)]);
    } else {
      const right = await measure(direct, round);
      pairs.push([await measure(bought, round), right]);
    }
  }
  return {
    pairs,
    bought: middle(pairs.map(([left]) => left)),
    direct: middle(pairs.map(([, right]) => right)),
  };
}

/** Returns the tokens of all responses over the time from the first request to the last token. */
async function tokensPerSecond(ask: Ask, streams: number, round: number): Promise<number> {
  const startMs = performance.now();
  const questions = Array.from({ length: streams }, (_, stream) => question(round + stream, ANSWER_TOKENS));
  const answers = await Promise.all(questions.map(ask));
  const tokens = answers.reduce((sum, answer) => sum + answer.outputTokens, 0);
  return (tokens * 1000) / (performance.now() - startMs);
}

/**
 * Measures the cost of the log: two practice networks, one with the log at `info` and one with it `silent`, serve the
 * same prompts alternately.
 */
async function measureLog(loggedHome: string, silentHome: string): Promise<BenchResult> {
  progress('Starting two practice networks, with and without a log.');
  const agents = [await startProviderHere(loggedHome, 'info'), await startProviderHere(silentHome, 'silent')];
  try {
    const [logged, silent] = await Promise.all(agents.map(buyer));
    if (logged === undefined || silent === undefined) throw new Error('A practice network is missing.');
    // Opens and funds the channels.
    for (const ask of [logged, silent]) await tokensPerSecond(ask, 1, 0);
    const { pairs } = await takeTurns(LOG_PAIRS, logged, silent, (ask, round) =>
      tokensPerSecond(ask, 1, round),
    );
    const ratios = pairs.map(([left, right]) => left / right);
    const ratio = middle(ratios);
    progress(`Log at info: ${ratio.toFixed(3)} of the speed with the log silent.`);
    return {
      figures: { speedRatioLogInfoToSilent: ratio, logRatioSpreadPercent: spread(ratios) },
      goals: { speedRatioLogInfoToSilent: atLeast(ratio, LOG_RATIO_GOAL) },
      notes: [],
    };
  } finally {
    for (const agent of agents) await agent.stop();
  }
}

/** The second agent, which buys over libp2p: the owner's own gateway reaches its provider without it. */
async function buyer({ ready: { page, requester } }: Agent): Promise<Ask> {
  if (page === null || requester === null) throw new Error('The agent has no page or no requester.');
  const { gateway } = requester;
  await waitForModel(page);
  return throughGateway(gateway, await waitForMarket(gateway));
}

async function measureCost(home: string): Promise<BenchResult> {
  progress('Starting the agent as users do, to measure it while idle.');
  const agent = await startAgent([
    '--headless',
    '--home',
    home,
    '--profile',
    'practice',
    '--quiet-requester',
  ]);
  try {
    if (agent.ready.page === null) throw new Error('The agent has no page.');
    await waitForModel(agent.ready.page);
    await sleep(SETTLE_MS);
    const cost = await measureProcess(agent.ready.pid, IDLE_MS);
    if (cost === null) return { figures: {}, goals: {}, notes: ['memory and idle load: only on Linux'] };
    return {
      figures: { agentResidentMegabytes: cost.residentMegabytes, agentIdleCorePercent: cost.corePercent },
      goals: {
        agentResidentMegabytes: atMost(cost.residentMegabytes, RESIDENT_MEGABYTES_GOAL),
        agentIdleCorePercent: atMost(cost.corePercent, IDLE_CORE_PERCENT_GOAL),
      },
      notes: [],
    };
  } finally {
    await agent.stop();
  }
}

/** Interquartile range as a percentage of the median. */
function spread(values: readonly number[]): number {
  const value = spreadPercent(values);
  if (value === null) throw new Error('There are too few measurements.');
  return value;
}

function middle(values: readonly number[]): number {
  const value = median(values);
  if (value === null) throw new Error('There are no measurements.');
  return value;
}
