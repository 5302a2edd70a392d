/**
 * `npm run bench -- horde`: measures what the worker for an AI Horde costs while there is nothing to do, and how fast the
 * owner gets the machine back from one of its jobs. A Horde on loopback answers as the real one was seen to.
 *
 * Polling: hours of polls without a job, by a clock that doesn't wait; each poll opens a connection of its own.
 *
 * Returns: a job of the Horde runs on the engine of an agent in this process; at a time drawn from a seed the owner pauses
 * through the API. Measured as by `npm run bench -- handback`, as often as the worker may drop jobs in an hour.
 */
import { join } from 'node:path';
import { createHordeServer } from '../../main/adapters/horde/index.ts';
import type { Agent } from '../../main/agent.ts';
import { createHordeWorker, DROPS_PER_HOUR_MAX } from '../../main/core/horde/index.ts';
import { suggestedHordeName } from '../../shared/horde.ts';
import { amount } from '../../shared/money.ts';
import { manualClock } from '../../test/fakes/clock.ts';
import {
  type FakeHorde,
  HORDE_KEY,
  hordeJob,
  POP,
  SUBMIT,
  startFakeHorde,
} from '../../test/fakes/horde-server.ts';
import { createRecordingLog } from '../../test/fakes/log.ts';
import { createMemoryRecordStore } from '../../test/fakes/record-store.ts';
import { type AgentApi, connectApi, waitForState } from '../lib/agent-process.ts';
import { cacheFolder } from '../lib/places.ts';
import { prepareMeasuredHome } from '../lib/stored-benchmark.ts';
import { allStreams, measureReturn, quantile, running } from './hand-back-scene.ts';
import { inTemporaryHome, startProviderHere, waitForModel } from './practice-here.ts';
import { randomFrom } from './random.ts';
import { atMost, type BenchResult, progress } from './result.ts';

const POLLED_HOURS = 4;
const WARM_UP_S = 600;
const SEED = 15;
/** Less than a fast machine needs for an answer: an engine without a job unloads, and its process stays. */
const RETURN_AFTER_MS_MAX = 500;
/** The answer ends in time on a slow machine, too. */
const ANSWER_TOKENS = 160;
/** A model continues it for as long as it may; an answer to a question may end at any token. */
const COUNTING = {
  prompt: `${Array.from({ length: 40 }, (_, index) => index + 1).join(', ')}, `,
  temperature: 0.01,
};

const IDLE_PERCENT_GOAL = 0.1;
const STOPPED_MS_GOAL = 50;
const FREED_MS_GOAL = 500;

export async function run(): Promise<BenchResult> {
  const horde = await startFakeHorde();
  try {
    const polling = await measurePolling(horde);
    if (process.platform !== 'linux') return polling;
    process.env.IDLEWATT_MODEL_CACHE ??= join(cacheFolder(), 'models');
    const returns = await inTemporaryHome((home) => measureReturns(home, horde));
    return {
      figures: { ...polling.figures, ...returns.figures },
      goals: { ...polling.goals, ...returns.goals },
      notes: [...polling.notes, ...returns.notes],
    };
  } finally {
    await horde.close();
  }
}

async function measurePolling(horde: FakeHorde): Promise<BenchResult> {
  progress(`Polling for ${POLLED_HOURS} hours of a clock that doesn’t wait.`);
  const clock = manualClock(0);
  let inFlight = 0;
  const model = { id: 'any', name: 'Any' };
  const worker = createHordeWorker({
    choice: () => ({
      ...{ isOn: true, url: horde.url, key: HORDE_KEY, workerName: 'Idlewatt bench', nsfw: false },
      models: [model],
    }),
    connect: ({ url, key }) =>
      createHordeServer({
        ...{ url, key, clock },
        async fetch(address, init) {
          inFlight += 1;
          const headers = { ...(init?.headers as Record<string, string>), connection: 'close' };
          try {
            const response = await fetch(address, { ...init, headers });
            return new Response(await response.text(), response);
          } finally {
            inFlight -= 1;
          }
        },
      }),
    candidates: () => [
      {
        id: model.id,
        contextTokens: 4_096,
        speeds: { prefillTokensPerSecond: 200, decodeTokensPerSecond: 20 },
      },
    ],
    other: { isFree: () => true, waitMs: () => 0, begin: () => null },
    presence: () => ({ decision: 'run', reason: 'idle', sinceMs: 0, untilMs: null }),
    jobs: { insert: never, update: never, leave: never, durable: never },
    ledger: { kudosReceived: never, balance: () => amount(0) },
    records: createMemoryRecordStore(),
    transaction: (step) => step(),
    ...{ clock, log: createRecordingLog(), random: Math.random, newName: () => 'Idlewatt bench' },
    onChange: () => undefined,
  });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1_000);
      do await new Promise(setImmediate);
      while (inFlight > 0);
    }
  };
  worker.chosen();
  await pass(WARM_UP_S);
  const [polls, before] = [horde.to(POP).length, process.cpuUsage()];
  await pass(POLLED_HOURS * 3_600);
  const { user, system } = process.cpuUsage(before);
  const counted = horde.to(POP).length - polls;
  await worker.stop();
  const idlePercentOfCore = (100 * (user + system)) / 1e6 / (POLLED_HOURS * 3_600);
  return {
    figures: { pollsPerHour: counted / POLLED_HOURS, idlePercentOfCore },
    goals: { idlePercentOfCore: atMost(idlePercentOfCore, IDLE_PERCENT_GOAL) },
    notes: [
      `${counted} polls; the server is in the same process, and its CPU time is included`,
      'over HTTP: the handshake of HTTPS is not included',
    ],
  };
}

function never(): never {
  throw new Error('There is no job while only polls are measured.');
}

async function measureReturns(home: string, horde: FakeHorde): Promise<BenchResult> {
  progress('Starting the practice network with the provider in this process.');
  // The sizes of jobs follow from the measured speed.
  prepareMeasuredHome(home);
  const agent = await startProviderHere(home);
  const { page } = agent.ready;
  if (page === null) throw new Error('The agent has no page.');
  const { api, close } = await connectApi(page);
  try {
    const served = await waitForModel(page);
    const { work } = await waitForState(api, () => true, { timeoutMs: 10_000 });
    const id = work.model ?? '';
    const name = suggestedHordeName(id);
    await api.presence.pause({ until: 'resume' });
    await waitForState(api, (state) => state.work.engine === 'stopped', { timeoutMs: 60_000 });
    await api.horde.setKey({ key: HORDE_KEY });
    // Other programs must not pause it between the returns.
    const alone = { pauseForOtherPrograms: false };
    await api.settings.change({ ...alone, hordeUrl: horde.url, hordeModels: [{ id, name }], hordeOn: true });
    const figures = await returns(agent, api, (round) =>
      horde.queue.push(
        hordeJob(`return-${round}`, name, { ...COUNTING, max_length: ANSWER_TOKENS, stop_sequence: [] }),
      ),
    );
    await horde.answered(SUBMIT, DROPS_PER_HOUR_MAX);
    const states = [...horde.jobs.values()];
    if (states.some((state) => state !== 'faulted')) {
      throw new Error(`The server doesn’t have each end: ${states.join(', ')}.`);
    }
    return {
      ...figures,
      notes: [
        `model ${id}, ${served}, with stored speeds; each job was submitted as faulted`,
        ...figures.notes,
      ],
    };
  } finally {
    close();
    await agent.stop();
  }
}

async function returns(agent: Agent, api: AgentApi, offer: (round: number) => void): Promise<BenchResult> {
  const random = randomFrom(SEED);
  const stoppedMs: number[] = [];
  const freedMs: number[] = [];
  for (let round = 0; round < DROPS_PER_HOUR_MAX; round += 1) {
    offer(round);
    await running(api);
    const pid = await allStreams(agent, 1).catch(async (cause: unknown) => {
      const { state, models } = (await waitForState(api, () => true, { timeoutMs: 10_000 })).horde;
      throw new Error(`No job began: ${state}, ${JSON.stringify(models)}.`, { cause });
    });
    const measured = await measureReturn(api, pid, random() * RETURN_AFTER_MS_MAX);
    freedMs.push(measured.freedMs);
    if (measured.stoppedMs !== null) stoppedMs.push(measured.stoppedMs);
    progress(`${round + 1} returns, the last one took ${measured.freedMs.toFixed(1)} ms.`);
  }
  const [freedMaxMs, stoppedMaxMs] = [Math.max(...freedMs), Math.max(...stoppedMs)];
  const isSampled = stoppedMs.length > 0;
  return {
    figures: {
      returns: freedMs.length,
      freedP50Ms: quantile(freedMs, 0.5),
      freedMaxMs,
      ...(isSampled && { stoppedMaxMs }),
    },
    goals: {
      freedMaxMs: atMost(freedMaxMs, FREED_MS_GOAL),
      ...(isSampled && { stoppedMaxMs: atMost(stoppedMaxMs, STOPPED_MS_GOAL) }),
    },
    notes: [
      `one job of the AI Horde at each return, times drawn from seed ${SEED}`,
      ...(isSampled ? [] : ['the time until it stopped was not measured: that needs perf']),
    ],
  };
}
