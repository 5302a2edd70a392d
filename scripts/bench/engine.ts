/**
 * `npm run bench -- engine`: compares what a buyer gets here with llama-server on the same machine.
 *
 * Ours is measured from outside: an OpenAI client asks the gateway of a practice network, which buys over libp2p with
 * payment. llama-server is asked by the same client directly, with the same file, threads, slots, context and priority.
 * Both sides answer the same prompts in turns, each round in the other order; a figure is the median of the rounds'
 * ratios, because other programs come and go. Tokens are counted by `usage`.
 *
 * The other payer is the owner, who buys through the gateway of the machine itself.
 *
 * Both engines have the lowest priority, so that other programs would decide the figures. A command with a raised
 * priority gives it to both.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readLog } from '../../main/adapters/pino/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { median, spreadPercent } from '../../shared/statistics.ts';
import { startAgent } from '../lib/agent-process.ts';
import { cacheFolder } from '../lib/places.ts';
import { quantile } from './hand-back-scene.ts';
import { findLlamaServer, type LlamaServer, startLlamaServer } from './llama-server.ts';
import { inTemporaryHome, question, waitForMarket, waitForModel } from './practice-here.ts';
import { raisePriority } from './priority.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';
import { type Ask, throughGateway } from './streams.ts';

const ANSWER_TOKENS = 96;
/** Concurrent streams, and rounds with each. */
const STREAMS: readonly (readonly [streams: number, rounds: number])[] = [
  [1, 9],
  [4, 5],
  [8, 3],
  [16, 3],
];
const FIRST_TOKEN_ROUNDS = 50;
const PREFIX_ROUNDS = 3;
const OTHER_PAYER_ROUNDS = 2;
/** About 1,000 tokens. */
const PREFIX_SENTENCES = 100;

const SPEED_RATIO_GOAL = 0.95;
const FIRST_TOKEN_ADDED_MEDIAN_MS_GOAL = 15;
const FIRST_TOKEN_ADDED_P99_MS_GOAL = 60;
const PREFIX_RATIO_GOAL = 1.5;

export async function run(): Promise<BenchResult> {
  process.env.IDLEWATT_MODEL_CACHE ??= join(cacheFolder(), 'models');
  const found = findLlamaServer();
  if ('reason' in found) return { figures: {}, goals: {}, notes: [`no llama-server: ${found.reason}`] };
  return inTemporaryHome((home) => compareFromOutside(home, found.folder));
}

async function compareFromOutside(home: string, folder: string): Promise<BenchResult> {
  progress('Starting the practice network as users do, and llama-server.');
  const quiet = ['--headless', '--home', home, '--profile', 'practice', '--quiet-requester'];
  const agent = await startAgent(quiet);
  let server: LlamaServer | null = null;
  try {
    const { page, requester, gateway: own } = agent.ready;
    if (page === null || requester === null || own === null)
      throw new Error('The agent has no page, no requester or no gateway.');
    const { gateway } = requester;
    const served = await waitForModel(page);
    const { pid, ...loaded } = readLoaded(home);
    const model = await waitForMarket(gateway);
    server = await startLlamaServer(folder, { ...loaded, modelPath: modelPath(home) });
    const priority = raisePriority([pid, server.pid]);
    const sides = { ours: throughGateway(gateway, model), theirs: throughGateway(server.gateway, model) };
    const results = [
      await compareSpeeds(sides),
      await compareFirstTokens(sides),
      await comparePrefixes(sides),
      await measureOtherPayer(sides.ours, throughGateway(own, await waitForMarket(own))),
    ];
    return {
      figures: Object.assign({}, ...results.map(({ figures }) => figures)),
      goals: Object.assign({}, ...results.map(({ goals }) => goals)),
      notes: [`model ${model}, ${served}, ${loaded.slots} sequences`, server.description, priority],
    };
  } finally {
    await server?.stop();
    await agent.stop();
  }
}

interface Loaded {
  readonly pid: number;
  readonly slots: number;
  readonly contextTokens: number;
  readonly threads: number;
}

/** Reads from the agent's log with which options its engine has loaded the model last. */
function readLoaded(home: string): Loaded {
  let loaded: Loaded | null = null;
  for (const { message, fields } of readLog(homePaths(home).logs)) {
    if (message !== 'Model loaded') continue;
    const { sequences, ...rest } = loadedSchema.parse(fields);
    loaded = { ...rest, slots: sequences };
  }
  if (loaded === null) throw new Error('The agent’s log has no loaded model.');
  return loaded;
}

const count = z.number().int().positive();
const loadedSchema = z.object({ pid: count, threads: count, contextTokens: count, sequences: count });

/** Returns the path of the one model file in the data folder. */
function modelPath(home: string): string {
  const { models } = homePaths(home);
  const name = readdirSync(models).find((file) => file.endsWith('.gguf'));
  if (name === undefined) throw new Error('The data folder has no model file.');
  return join(models, name);
}

interface Sides {
  readonly ours: Ask;
  readonly theirs: Ask;
}

/** Measures both sides alternately, changing which goes first each round. */
async function inTurns<T>(
  rounds: number,
  { ours, theirs }: Sides,
  measure: (ask: Ask, round: number) => Promise<T>,
): Promise<{ readonly ours: T; readonly theirs: T }[]> {
  const results: { ours: T; theirs: T }[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await measure(ours, round);
      results.push({ ours: first, theirs: await measure(theirs, round) });
    } else {
      const first = await measure(theirs, round);
      results.push({ theirs: first, ours: await measure(ours, round) });
    }
  }
  return results;
}

async function compareSpeeds(sides: Sides): Promise<Omit<BenchResult, 'notes'>> {
  const figures: Record<string, number> = {};
  const goals: Record<string, BenchResult['goals'][string]> = {};
  const most = Math.max(...STREAMS.map(([streams]) => streams));
  // Opens and funds as many channels as will be needed, and reads the template's beginning on every sequence.
  await tokensPerSecond(sides.ours, most, 0);
  await tokensPerSecond(sides.theirs, most, 0);
  for (const [streams, rounds] of STREAMS) {
    const pairs = await inTurns(rounds, sides, (ask, round) => tokensPerSecond(ask, streams, round));
    const ratios = pairs.map(({ ours, theirs }) => ours / theirs);
    const name = `${streams}Streams`;
    const ratio = middle(ratios);
    figures[`speedRatio${name}`] = ratio;
    figures[`speedRatio${name}SpreadPercent`] = spreadPercent(ratios) ?? Number.NaN;
    figures[`tokensPerSecond${name}`] = middle(pairs.map(({ ours }) => ours));
    figures[`llamaServerTokensPerSecond${name}`] = middle(pairs.map(({ theirs }) => theirs));
    goals[`speedRatio${name}`] = atLeast(ratio, SPEED_RATIO_GOAL);
    progress(
      `${streams} streams: ${ratio.toFixed(3)} of llama-server (${ratios.map((each) => each.toFixed(2))}).`,
    );
  }
  return { figures, goals };
}

/** Returns the tokens of all responses over the time from the first request to the last token. */
async function tokensPerSecond(ask: Ask, streams: number, round: number): Promise<number> {
  const startMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streams }, (_, stream) => ask(question(round + stream, ANSWER_TOKENS))),
  );
  const tokens = answers.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  return (tokens * 1_000) / (performance.now() - startMs);
}

async function compareFirstTokens(sides: Sides): Promise<Omit<BenchResult, 'notes'>> {
  const pairs = await inTurns(FIRST_TOKEN_ROUNDS, sides, async (ask, round) => {
    return (await ask({ text: `${round} ${newWords(round)}: what is that?`, maxTokens: 4 })).firstTokenMs;
  });
  const added = pairs.map(({ ours, theirs }) => ours - theirs);
  const addedMedian = middle(added);
  const added99 =
    quantile(
      pairs.map(({ ours }) => ours),
      0.99,
    ) -
    quantile(
      pairs.map(({ theirs }) => theirs),
      0.99,
    );
  progress(`First token of a new short prompt: ${addedMedian.toFixed(1)} ms more at the median.`);
  return {
    figures: {
      firstTokenAddedMedianMs: addedMedian,
      firstTokenAddedP99Ms: added99,
      firstTokenMedianMs: middle(pairs.map(({ ours }) => ours)),
      llamaServerFirstTokenMedianMs: middle(pairs.map(({ theirs }) => theirs)),
    },
    goals: {
      firstTokenAddedMedianMs: atMost(addedMedian, FIRST_TOKEN_ADDED_MEDIAN_MS_GOAL),
      firstTokenAddedP99Ms: atMost(added99, FIRST_TOKEN_ADDED_P99_MS_GOAL),
    },
  };
}

/** Asks with a long beginning, then again with the same one and another end; the second is measured. */
async function comparePrefixes(sides: Sides): Promise<Omit<BenchResult, 'notes'>> {
  const pairs = await inTurns(PREFIX_ROUNDS, sides, async (ask, round) => {
    const prefix = longPrefix(round);
    const cold = await ask({ text: `${prefix} Where is it?`, maxTokens: 2 });
    const again = await ask({ text: `${prefix} Who lives there?`, maxTokens: 2 });
    return { coldMs: cold.firstTokenMs, againMs: again.firstTokenMs };
  });
  const ratio = middle(pairs.map(({ ours, theirs }) => ours.againMs / theirs.againMs));
  progress(`First token of a long beginning asked again: ${ratio.toFixed(2)} times llama-server's.`);
  return {
    figures: {
      prefixFirstTokenRatio: ratio,
      prefixFirstTokenMs: middle(pairs.map(({ ours }) => ours.againMs)),
      prefixColdFirstTokenMs: middle(pairs.map(({ ours }) => ours.coldMs)),
      llamaServerPrefixFirstTokenMs: middle(pairs.map(({ theirs }) => theirs.againMs)),
      llamaServerPrefixColdFirstTokenMs: middle(pairs.map(({ theirs }) => theirs.coldMs)),
    },
    goals: { prefixFirstTokenRatio: atMost(ratio, PREFIX_RATIO_GOAL) },
  };
}

/** Compares the first token of a prompt that another payer has bought with that of one that nobody has. */
async function measureOtherPayer(bought: Ask, other: Ask): Promise<Omit<BenchResult, 'notes'>> {
  // Opens the channel.
  await other(question(0, 2));
  const ratios: number[] = [];
  for (let round = 0; round < OTHER_PAYER_ROUNDS; round++) {
    const text = `${longPrefix(100 + round)} Where is it?`;
    await bought({ text, maxTokens: 2 });
    const same = await other({ text, maxTokens: 2 });
    const unknown = await other({ text: `${longPrefix(200 + round)} Where is it?`, maxTokens: 2 });
    ratios.push(same.firstTokenMs / unknown.firstTokenMs);
  }
  const ratio = middle(ratios);
  progress(`Bought by another payer: first token after ${ratio.toFixed(2)} of a new prompt's time.`);
  return { figures: { prefixOtherPayerToNewRatio: ratio }, goals: {} };
}

/** Words that no other prompt of the run begins with. */
function newWords(seed: number): string {
  const words = ['harbour', 'candle', 'mountain', 'ladder', 'garden', 'bridge', 'winter', 'copper'];
  return [1, 3, 5].map((step) => words[(seed * step + (seed >> 3)) % words.length]).join(' ');
}

/** A text of about 1,000 tokens that differs from others within its first words. */
function longPrefix(seed: number): string {
  const sentences = Array.from(
    { length: PREFIX_SENTENCES },
    (_, index) => `House ${seed * 1_000 + index} has a ${newWords(index)}.`,
  );
  return sentences.join(' ');
}

function middle(values: readonly number[]): number {
  const value = median(values);
  if (value === null) throw new Error('There are no measurements.');
  return value;
}
