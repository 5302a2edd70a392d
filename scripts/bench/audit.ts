/**
 * `npm run bench -- audit`: how many tokens of a provider's answers have to be repeated until a cheat is certain, and how
 * often an honest provider would be accused.
 *
 * Real engine processes answer questions honestly (with other numbers of threads and streams, with reused prefixes) and
 * dishonestly (another model, seed, prompt, setting); one more engine repeats them with the file of the offer. What
 * counts is the production code: sampling, repeating, and the sequential test, whose evidence is summed over whole
 * answers. Answers of a run are drawn with replacement, in seeded random order.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  addAnswer,
  CHECKED_SHARE,
  isAlarm,
  NEW_STANDING,
  type Standing,
  weighAnswer,
} from '../../main/core/answer-checks/index.ts';
import { mulberry32 } from '../../main/core/practice/prompts.ts';
import type { Engine, GenerateRequest } from '../../main/ports/engine.ts';
import type { AnswerJson } from '../../shared/asked.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { median } from '../../shared/statistics.ts';
import { cacheFolder } from '../lib/places.ts';
import {
  AUDITED_TOGETHER,
  answerAll,
  answerElsewhere,
  asText,
  auditAll,
  type Claim,
  openEngine,
  questions,
  withMessages,
} from './audit-runs.ts';
import { measureSampler } from './audit-sampler.ts';
import { COARSER_MODELS, type CoarserModel, writeCoarserModel } from './coarser-models.ts';
import { findLlamaServer } from './llama-server.ts';
import { inTemporaryHome } from './practice-here.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';

const FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';
/** Of each kind of provider. */
const ANSWERS = 8;
/** The same, for those that take longer: one after another, or with threads that wait for each other. */
const FEW_ANSWERS = 4;
const MACHINES: readonly (readonly [threads: number, streams: number])[] = [
  [1, 1],
  [1, 4],
  [1, 8],
  [2, 4],
];
/** Instead of temperature 0.7 and top-k 40. */
const SETTINGS: readonly (readonly [string, Partial<GenerateRequest>])[] = [
  ['temperature 0', { temperature: 0 }],
  ['temperature 0.5', { temperature: 0.5 }],
  ['top-p 0.9', { topP: 0.9 }],
  ['top-k 5', { sampling: { topK: 5 } }],
];
/** Answers that a grammar binds. */
const JSON_ANSWER: AnswerJson = {
  ...{ kind: 'schema', name: 'story', isStrict: true },
  schema: {
    type: 'object',
    properties: { title: { type: 'string' }, things: { type: 'array', items: { type: 'string' } } },
    required: ['title', 'things'],
    additionalProperties: false,
  },
};
/** Devices of Vulkan that llama.cpp uses, by their index. */
const SOFTWARE_VULKAN = 'GGML_VK_VISIBLE_DEVICES';
const TEMPERATURE = 0.7;
/** Of an answer on the software renderer. */
const SLOW_TOKENS = 16;
const STREAMS = 8;
const COST_ROUNDS = 3;
const SEQUENCES = 2_000;
const TOKENS_MAX = 2_000;
const TOKENS_GOAL = 100;
const LIMITS = [50, TOKENS_GOAL, 200, 500, TOKENS_MAX];

/** The gaps of the answers of one kind of provider. */
interface Run {
  readonly name: string;
  readonly isHonest: boolean;
  readonly answers: readonly (readonly number[])[];
}

export async function run(): Promise<BenchResult> {
  const path = join(process.env.IDLEWATT_MODEL_CACHE ?? join(cacheFolder(), 'models'), FILE);
  if (!existsSync(path)) return { figures: {}, goals: {}, notes: [`no ${FILE} in the model cache`] };
  return inTemporaryHome(async (folder) => {
    const auditor = await openEngine(path, { sequences: 4, threads: 1 });
    try {
      // Their answers don't depend on what else runs.
      const runs = await Promise.all([
        honestRuns(auditor, path),
        cheatsOfTheSameModel(auditor, path),
        otherModels(auditor, path, folder),
      ]);
      const elsewhere = [...(await otherBuilds(auditor, path)), ...(await withVulkan(auditor, path))];
      const costs = { ...(await measureAudit(auditor)), ...(await measureSampler(path)) };
      return report([...runs.flat(), ...elsewhere], costs);
    } finally {
      await auditor.stop();
    }
  });
}

async function audited(
  auditor: Engine,
  name: string,
  isHonest: boolean,
  claims: readonly Claim[],
): Promise<Run> {
  const answers = await auditAll(auditor, claims);
  const all = answers.flat();
  progress(`${name}: ${answers.length} answers, ${all.length} tokens, mean gap ${meanOf(all).toFixed(4)}.`);
  return { name, isHonest, answers };
}

/** Runs with other threads, streams and kept prefixes, then with other settings. */
async function honestRuns(auditor: Engine, path: string): Promise<readonly Run[]> {
  const asked = questions(ANSWERS, TEMPERATURE);
  const runs: Run[] = [];
  const add = async (name: string, claims: readonly Claim[]) =>
    runs.push(await audited(auditor, `honest: ${name}`, true, claims));
  for (const [threads, streams] of MACHINES) {
    const engine = await openEngine(path, { sequences: streams, threads });
    const given = streams === 1 || threads > 1 ? asked.slice(0, FEW_ANSWERS) : asked;
    await add(`${streams} streams, ${threads} threads`, await answerAll(engine, given, streams));
    await engine.stop();
  }
  const engine = await openEngine(path, { sequences: STREAMS, threads: 1 });
  const again = asked.map((question) => ({ ...question, requester: 'buyer' }));
  const short = again.map((question) => ({ ...question, maxTokens: 1 }));
  await answerAll(engine, short, STREAMS);
  await add('prefixes reused', await answerAll(engine, again, STREAMS));
  const penalties = { sampling: { frequencyPenalty: 0.5, repeatPenalty: 1.1 } };
  const penalized = asked.map((question) => ({ ...question, ...penalties }));
  await add('penalties', await answerAll(engine, penalized, STREAMS));
  await add('JSON', await answerAll(engine, asJson(asked), STREAMS));
  runs.push(...(await otherSettings(auditor, engine, asked)));
  await engine.stop();
  return runs;
}

function asJson(asked: readonly GenerateRequest[]): readonly GenerateRequest[] {
  return asked.map((question) => ({ ...question, json: JSON_ANSWER }));
}

/** Runs with other settings, which are honest where these were asked for, and a cheat where others were. */
async function otherSettings(
  auditor: Engine,
  engine: Engine,
  asked: readonly GenerateRequest[],
): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (const [name, change] of SETTINGS) {
    const changed = asked.map((question) => ({ ...question, ...change }));
    const claims = await answerAll(engine, changed, STREAMS);
    runs.push(await audited(auditor, `honest: ${name}`, true, claims));
    const unasked = asked.map((question, index) => ({
      asked: question,
      tokens: claims[index]?.tokens ?? [],
    }));
    runs.push(await audited(auditor, `${name}, unasked`, false, unasked));
  }
  return runs;
}

/**
 * Vulkan, with the machine's GPU or the software renderer of Mesa (llvmpipe), which is slow. Nothing where there is neither.
 */
async function withVulkan(auditor: Engine, path: string): Promise<readonly Run[]> {
  const before = process.env[SOFTWARE_VULKAN];
  // Otherwise llama.cpp leaves renderers out that compute on the CPU.
  process.env[SOFTWARE_VULKAN] = before ?? '0';
  const engine = await openEngine(path, { sequences: FEW_ANSWERS, threads: 1 });
  if (before === undefined) delete process.env[SOFTWARE_VULKAN];
  const status = engine.status();
  const backend = status.state === 'ready' ? status.loaded.backend : status.state;
  try {
    if (backend === 'vulkan') {
      const asked = questions(FEW_ANSWERS, TEMPERATURE).map((each) => ({ ...each, maxTokens: SLOW_TOKENS }));
      const claims = await answerAll(engine, asked, FEW_ANSWERS);
      return [await audited(auditor, 'honest: Vulkan', true, claims)];
    }
    progress(`No Vulkan: the engine uses ${backend}.`);
    return [];
  } finally {
    await engine.stop();
  }
}

/** Another build of llama.cpp, also with code for an old processor. Its own sampler only repeats at temperature 0. */
async function otherBuilds(auditor: Engine, path: string): Promise<readonly Run[]> {
  const found = findLlamaServer();
  if ('reason' in found) {
    progress(`No other build of llama.cpp: ${found.reason}.`);
    return [];
  }
  const asked = questions(ANSWERS, 0).map(asText);
  const builds = { 'another build': {}, 'another build, SSE 4.2': { cpuLibrary: 'libggml-cpu-sse42.so' } };
  const runs: Run[] = [];
  for (const [name, options] of Object.entries(builds)) {
    const claims = await answerElsewhere(found.folder, { modelPath: path, ...options }, asked);
    runs.push(await audited(auditor, `honest: ${name}, temperature 0`, true, claims));
  }
  return runs;
}

/** Compares what it takes to audit answers with what it took to generate them, in turns, on the same engine. */
async function measureAudit(engine: Engine): Promise<Readonly<Record<string, number>>> {
  progress('Generating and auditing, alone.');
  const asked = questions(AUDITED_TOGETHER, TEMPERATURE);
  const shares: number[] = [];
  for (let round = 0; round < COST_ROUNDS; round += 1) {
    const startMs = performance.now();
    const own = asked.map((question) => withMessages(question, (messages) => [...messages, turnOf(round)]));
    const claims = await answerAll(engine, own, AUDITED_TOGETHER);
    const generatedMs = performance.now();
    await auditAll(engine, claims);
    shares.push((performance.now() - generatedMs) / (generatedMs - startMs));
  }
  const ratio = median(shares) ?? Number.NaN;
  return { auditPerAnswerPercent: 100 * ratio, auditCostPercent: 100 * CHECKED_SHARE * ratio };
}

const turnOf = (round: number) => ({ role: 'user' as const, content: `Begin with the number ${round}.` });

/** Cheats that need no other file. `served` is what the provider computes for a question. */
async function cheatsOfTheSameModel(auditor: Engine, path: string): Promise<readonly Run[]> {
  const asked = questions(ANSWERS, TEMPERATURE);
  const engine = await openEngine(path, { sequences: STREAMS, threads: 1 });
  const next = (question: GenerateRequest) => asked[(asked.indexOf(question) + 1) % asked.length] ?? question;
  const cheats: readonly (readonly [string, (question: GenerateRequest) => GenerateRequest])[] = [
    ['another seed, or an earlier answer', (question) => ({ ...question, seed: (question.seed ?? 0) + 1 })],
    ['another system prompt', (question) => withMessages(question, withSystem)],
    ['first half of the prompt dropped', (question) => withMessages(question, secondHalf)],
    ['the answer to a similar prompt', (question) => ({ ...question, prompt: next(question).prompt })],
  ];
  const runs: Run[] = [];
  for (const [name, served] of cheats)
    runs.push(await audited(auditor, name, false, await answerAll(engine, asked, STREAMS, served)));
  await engine.stop();
  return runs;
}

const withSystem: Parameters<typeof withMessages>[1] = (messages) => [
  { role: 'system', content: 'You answer briefly and plainly.' },
  ...messages,
];
const secondHalf: Parameters<typeof withMessages>[1] = (messages) =>
  messages.map((message) => ({ ...message, content: message.content.slice(message.content.length / 2) }));

async function otherModels(auditor: Engine, path: string, folder: string): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (const kind of Object.keys(COARSER_MODELS) as CoarserModel[]) {
    const changed = join(folder, 'changed.gguf');
    await writeCoarserModel(path, changed, kind);
    const engine = await openEngine(changed, { sequences: STREAMS, threads: 1 });
    const asked = questions(ANSWERS, TEMPERATURE);
    runs.push(await audited(auditor, kind, false, await answerAll(engine, asked, STREAMS)));
    const json = await answerAll(engine, asJson(asked), STREAMS);
    runs.push(await audited(auditor, `${kind}, JSON`, false, json));
    await engine.stop();
    rmSync(changed);
  }
  return runs;
}

function report(runs: readonly Run[], costs: Readonly<Record<string, number>>): BenchResult {
  const figures: Record<string, number> = {};
  const goals: Record<string, BenchResult['goals'][string]> = {};
  const notes: string[] = [];
  const results = runs.map((each) => ({ ...each, ...simulate(each.answers) }));
  const honest = results.filter(({ isHonest }) => isHonest);
  const evidence = honest.flatMap(({ answers }) =>
    answers.map((gaps) => Math.exp(weighAnswer(gaps).logEvidence)),
  );
  const answered = honest.reduce((sum, each) => sum + each.answered, 0);
  const alarms = honest.reduce((sum, { tokens }) => sum + tokens.filter(Number.isFinite).length, 0);
  figures.honestAnswers = evidence.length;
  figures.honestEvidenceMean = meanOf(evidence);
  figures.honestEvidenceMax = Math.max(...evidence);
  figures.honestGapMeanMax = Math.max(...honest.map(({ answers }) => meanOf(answers.flat())));
  figures.falseAlarmsPerTenThousandAnswers = (10_000 * alarms) / answered;
  goals.honestEvidenceMean = atMost(figures.honestEvidenceMean, 1);
  goals.falseAlarmsPerTenThousandAnswers = atMost(figures.falseAlarmsPerTenThousandAnswers, 1);
  for (const { name, isHonest, answers, tokens } of results) {
    notes.push(rowOf(name, answers.flat(), tokens));
    if (isHonest) continue;
    const found = foundPercent(tokens, TOKENS_GOAL);
    figures[`foundIn${TOKENS_GOAL}TokensPercent: ${name}`] = found;
    goals[`foundIn${TOKENS_GOAL}TokensPercent: ${name}`] = atLeast(found, 99);
  }
  Object.assign(figures, costs);
  goals.auditCostPercent = atMost(costs.auditCostPercent ?? Number.NaN, 2);
  goals.samplerCostPercent = atMost(costs.samplerCostPercent ?? Number.NaN, 1);
  notes.push(`${SEQUENCES} sequences of answers, up to ${TOKENS_MAX} tokens, drawn from those of each run`);
  return { figures, goals, notes };
}

/** A row of the table in docs/audit.md. */
function rowOf(name: string, gaps: readonly number[], tokens: readonly number[]): string {
  const differing = (100 * gaps.filter((gap) => gap > 0).length) / gaps.length;
  const found = LIMITS.map((limit) => `${foundPercent(tokens, limit).toFixed(1)} %`);
  return `| ${[name, gaps.length, `${differing.toFixed(1)} %`, meanOf(gaps).toFixed(4), ...found].join(' | ')} |`;
}

function foundPercent(tokens: readonly number[], limit: number): number {
  return (100 * tokens.filter((each) => each <= limit).length) / tokens.length;
}

interface Simulated {
  /** For each sequence of answers the tokens until the alarm; infinity for none. */
  readonly tokens: readonly number[];
  /** Answers that were looked at. */
  readonly answered: number;
}

/** Draws whole answers with replacement and adds them to the standing of a new provider. */
function simulate(answers: Run['answers']): Simulated {
  const random = mulberry32(7);
  const weighed = answers.map((gaps) => gaps.map((_, last) => weighAnswer(gaps.slice(0, last + 1))));
  let answered = 0;
  const untilAlarm = (): number => {
    let standing: Standing = NEW_STANDING;
    while (standing.tokens < TOKENS_MAX) {
      const parts = weighed[Math.floor(random() * weighed.length)] ?? [];
      answered += 1;
      const found = parts.find((part) => isAlarm(addAnswer(standing, part)));
      if (found !== undefined) return standing.tokens + found.tokens;
      standing = addAnswer(standing, forceUnwrap('an answer has tokens', parts.at(-1)));
    }
    return Number.POSITIVE_INFINITY;
  };
  const tokens = Array.from({ length: SEQUENCES }, untilAlarm);
  return { tokens, answered };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
