/**
 * `npm run bench -- handback`: measures how fast the owner gets the machine back, and how much Idlewatt slows down the
 * owner's program.
 *
 * Returns: four streams are bought from the agent in this process; at a time drawn from a seed the owner pauses
 * through the API, as the tray does. The kernel samples when the engine computed for the last time, and another thread
 * detects when its process and memory were gone. Both are counted from before the call.
 *
 * Input: the owner comes back by a real key press on a virtual display, after the minute without input that the
 * settings require; counted from before the key press to the decision, and to the engine's exit.
 *
 * Alongside: the owner's program runs on every core in three windows per round: while Idlewatt serves, right after the
 * pause, and later in the pause. Each serving window is compared with the later window of the same round.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Agent } from '../../main/agent.ts';
import { median } from '../../shared/statistics.ts';
import { type AgentApi, connectApi } from '../lib/agent-process.ts';
import { cacheFolder } from '../lib/places.ts';
import type { VirtualDisplay } from '../lib/virtual-display.ts';
import { measureInput, openInputDisplay } from './hand-back-input.ts';
import { allStreams, measureReturn, quantile, running, STREAMS, serve } from './hand-back-scene.ts';
import {
  inTemporaryHome,
  question,
  startProviderHere,
  waitForMarket,
  waitForModel,
} from './practice-here.ts';
import { canSample } from './process-watch.ts';
import { randomFrom } from './random.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';
import { type Ask, throughGateway } from './streams.ts';

const RETURNS = 100;
const SEED = 4;
/** Maximum time between the last stream's admission and the return: some returns fall into a prefill, most into decoding. */
const RETURN_AFTER_MS_MAX = 1_500;
const ROUNDS = 8;
const WINDOW_MS = 4_000;

const STOPPED_MS_GOAL = 50;
const FREED_MS_GOAL = 500;
const BESIDE_GOAL = 0.98;

export async function run(): Promise<BenchResult> {
  if (process.platform !== 'linux') {
    return { figures: {}, goals: {}, notes: ['only on Linux: the engine is watched through /proc'] };
  }
  process.env.IDLEWATT_MODEL_CACHE ??= join(cacheFolder(), 'models');
  // Before the agent looks for a display.
  const display = await openInputDisplay();
  try {
    return await inTemporaryHome((home) => measure(home, display));
  } finally {
    await display?.close();
  }
}

async function measure(home: string, display: VirtualDisplay | null): Promise<BenchResult> {
  progress('Starting the practice network with the provider in this process.');
  const agent = await startProviderHere(home);
  const { page, requester } = agent.ready;
  if (page === null || requester === null) throw new Error('The agent has no page or no requester.');
  const { gateway } = requester;
  const { api, close } = await connectApi(page);
  try {
    const served = await waitForModel(page);
    const model = await waitForMarket(gateway);
    const ask = throughGateway(gateway, model);
    await Promise.all(Array.from({ length: STREAMS }, (_, index) => ask(question(index, 1))));
    const returns = await measureReturns(agent, api, ask);
    const alongside = await measureAlongside(api, ask);
    const touches = await measureInput(agent, api, ask, display);
    return {
      figures: { ...returns.figures, ...touches.figures, ...alongside.figures },
      goals: { ...returns.goals, ...alongside.goals },
      notes: [`model ${model}, ${served}`, ...returns.notes, ...touches.notes, ...alongside.notes],
    };
  } finally {
    close();
    await agent.stop();
  }
}

async function measureReturns(agent: Agent, api: AgentApi, ask: Ask): Promise<BenchResult> {
  const random = randomFrom(SEED);
  const stoppedMs: number[] = [];
  const freedMs: number[] = [];
  for (let round = 0; round < RETURNS; round++) {
    await running(api);
    const streams = serve(ask, round);
    const pid = await allStreams(agent);
    const measured = await measureReturn(api, pid, random() * RETURN_AFTER_MS_MAX);
    freedMs.push(measured.freedMs);
    if (measured.stoppedMs !== null) stoppedMs.push(measured.stoppedMs);
    await streams;
    if ((round + 1) % 20 === 0) {
      progress(
        `${round + 1} returns, at most ${Math.max(...freedMs).toFixed(1)} ms until all memory was free.`,
      );
    }
  }
  const freed99 = quantile(freedMs, 0.99);
  const stopped = canSample() ? stoppedFigures(stoppedMs) : NOT_SAMPLED;
  return {
    figures: {
      returns: RETURNS,
      ...stopped.figures,
      freedP50Ms: quantile(freedMs, 0.5),
      freedP99Ms: freed99,
      freedMaxMs: Math.max(...freedMs),
    },
    goals: { ...stopped.goals, freedP99Ms: atMost(freed99, FREED_MS_GOAL) },
    notes: [`${STREAMS} streams at each return, times drawn from seed ${SEED}`, ...stopped.notes],
  };
}

const NOT_SAMPLED: BenchResult = {
  figures: {},
  goals: {},
  notes: [
    'the time until it stopped was not measured: that needs perf (Debian: linux-perf) and permission to use it',
  ],
};

function stoppedFigures(stoppedMs: readonly number[]): BenchResult {
  const stopped99 = quantile(stoppedMs, 0.99);
  return {
    figures: {
      stoppedP50Ms: quantile(stoppedMs, 0.5),
      stoppedP99Ms: stopped99,
      stoppedMaxMs: Math.max(...stoppedMs),
    },
    goals: { stoppedP99Ms: atMost(stopped99, STOPPED_MS_GOAL) },
    notes: [],
  };
}

async function measureAlongside(api: AgentApi, ask: Ask): Promise<BenchResult> {
  const cores = availableParallelism();
  progress(`The owner's program on ${cores} cores, with and without Idlewatt.`);
  const programs = Array.from({ length: cores }, () =>
    fork(fileURLToPath(new URL('./owner-program.ts', import.meta.url)), [], { execArgv: [] }),
  );
  const ownersRounds = async (): Promise<number> => {
    const answers = programs.map((program) => once(program, 'message'));
    for (const program of programs) program.send(WINDOW_MS);
    const counted = await Promise.all(answers);
    return counted.reduce((sum, [answer]) => sum + (answer as { rounds: number }).rounds, 0);
  };
  const alongside: number[] = [];
  const after: number[] = [];
  try {
    await ownersRounds();
    for (let round = 0; round < ROUNDS; round++) {
      await running(api);
      const streams = serve(ask, round);
      await sleep(500);
      const serving = await ownersRounds();
      await api.presence.pause({ until: 'resume' });
      const rightAfter = await ownersRounds();
      const later = await ownersRounds();
      await streams;
      alongside.push(serving / later);
      after.push(rightAfter / later);
    }
  } finally {
    for (const program of programs) program.disconnect();
  }
  const besideRatio = median(alongside) ?? Number.NaN;
  const afterRatio = median(after) ?? Number.NaN;
  return {
    figures: {
      ownerSpeedBesideRatio: besideRatio,
      ownerSpeedBesideMinRatio: Math.min(...alongside),
      ownerSpeedAfterRatio: afterRatio,
      ownerSpeedAfterMinRatio: Math.min(...after),
    },
    goals: { ownerSpeedBesideRatio: atLeast(besideRatio, BESIDE_GOAL) },
    notes: [`the owner's program on ${cores} cores, ${ROUNDS} rounds of ${WINDOW_MS / 1_000} s windows`],
  };
}
