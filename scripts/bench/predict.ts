/**
 * `npm run bench -- predict`: measures the error of predicted speeds, on models that the costs were not fitted on.
 *
 * Costs are fitted on the synthetic models that the app calibrates with. The models below, of other shapes and up to six
 * times larger, are then predicted and measured. One small reference model stays loaded in a second engine and is
 * measured before and after each. If the machine as a whole became slower or faster meanwhile (another tenant, heat),
 * all times are divided by that factor. The first figures are based on CPU time, which other programs disturb little;
 * the figures `…ByClock` are based on elapsed time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { createMachineReader } from '../../main/adapters/systeminformation/index.ts';
import {
  CALIBRATION_EFFORTS,
  CALIBRATION_MODELS,
  type SyntheticModel,
} from '../../main/core/benchmark/calibration-models.ts';
import {
  type ModelShape,
  shapeOfConfiguration,
  shapeOfHeader,
} from '../../main/core/benchmark/model-shape.ts';
import { type Effort, type ModelTimes, measureModelTimes } from '../../main/core/benchmark/model-times.ts';
import {
  crossErrorPercent,
  fitModels,
  type MeasuredModel,
  predictSpeed,
} from '../../main/core/benchmark/prediction.ts';
import { writeSyntheticModel } from '../../main/core/benchmark/synthetic-model.ts';
import { withSynthetic } from '../../main/core/benchmark/with-synthetic.ts';
import { chooseThreads, createEngineSupervisor } from '../../main/core/engine/index.ts';
import { type Configuration, readGgufHeader } from '../../main/core/gguf/index.ts';
import { createModelStore, DEFAULT_MODEL_ID } from '../../main/core/models/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Engine } from '../../main/ports/engine.ts';
import { cacheFolder } from '../lib/places.ts';
import { atMost, type BenchResult, progress } from './result.ts';

const GOAL_PERCENT = 15;
const EFFORT: Effort = { runs: 3, runsMax: 8, promptWords: 120, answerTokens: 32 };
const REFERENCE_EFFORT: Effort = { runs: 2, runsMax: 6, promptWords: 48, answerTokens: 12 };
const REFERENCE = CALIBRATION_MODELS.find(({ mixture }) => mixture === 'Q4_0');

function shape(
  [layers, width, feedForward]: [layers: number, width: number, feedForward: number],
  [heads, keyHeads, headWidth]: [heads: number, keyHeads: number, headWidth: number],
  vocabulary: number,
  tied: boolean,
): Configuration {
  return { layers, width, feedForward, heads, keyHeads, headWidth, vocabulary, tied };
}

/** Shapes of published models, with random weights. The costs are fitted on none of them. */
const EVALUATION_MODELS: readonly SyntheticModel[] = [
  {
    name: 'Qwen2.5-0.5B shape, F16',
    configuration: shape([24, 896, 4_864], [14, 2, 64], 151_936, true),
    mixture: 'F16',
  },
  {
    name: 'OLMo-2-1B shape, Q8_0',
    configuration: shape([16, 2_048, 8_192], [16, 16, 128], 100_352, false),
    mixture: 'Q8_0',
  },
  {
    name: 'Llama-3.2-3B shape, Q4_0',
    configuration: shape([28, 3_072, 8_192], [24, 8, 128], 128_256, true),
    mixture: 'Q4_0',
  },
  {
    name: 'EXAONE-3.5-2.4B shape, Q4_1',
    configuration: shape([30, 2_560, 7_168], [32, 8, 80], 102_400, true),
    mixture: 'Q4_1',
  },
  {
    name: 'Gemma-2B shape, Q4_K_M',
    configuration: shape([18, 2_048, 16_384], [8, 1, 256], 256_000, true),
    mixture: 'Q4_K_M',
  },
  {
    name: 'Granite-3.1-2B shape, Q6_K',
    configuration: shape([40, 2_048, 8_192], [32, 8, 64], 49_152, true),
    mixture: 'Q6_K',
  },
  {
    name: 'Falcon3-3B shape, Q4_K_M',
    configuration: shape([22, 3_072, 9_216], [12, 4, 256], 131_072, false),
    mixture: 'Q4_K_M',
  },
];

type Basis = 'cpu' | 'wall';
const BASES: readonly Basis[] = ['cpu', 'wall'];

/** One model with one effort, and how much slower than at its best the reference model was at that time. */
interface Reading {
  readonly name: string;
  readonly shape: ModelShape;
  readonly times: ModelTimes;
  readonly slowdown: Readonly<Record<Basis, number>>;
}

export async function run(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'idlewatt-bench-'));
  const spawn = createLlamaSpawner({ sandbox: { modelFolders: [folder] } });
  const engine = createEngineSupervisor({ spawn, clock: systemClock });
  const reference = createEngineSupervisor({ spawn, clock: systemClock });
  try {
    return await measureAll(folder, engine, reference);
  } finally {
    await Promise.all([engine.stop(), reference.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureAll(folder: string, engine: Engine, reference: Engine): Promise<BenchResult> {
  const { signal } = new AbortController();
  const { physicalCores } = await createMachineReader().inventory();
  const threads = chooseThreads({ physicalCores, logicalCores: availableParallelism(), busyCores: null });
  const load = { contextTokens: 2_048, sequences: 4, threads, graphicsMemoryBytesMax: null };
  const readReference = await startReference(folder, reference, threads, signal);
  let before = await readReference();
  const references = [before];
  const taken: { name: string; shape: ModelShape; times: ModelTimes; around: ModelTimes[] }[] = [];
  const take = async (name: string, of: ModelShape, efforts: readonly Effort[]) => {
    for (const effort of efforts) {
      const times = await measureModelTimes(engine, effort, signal);
      const after = await readReference();
      taken.push({ name, shape: of, times, around: [before, after] });
      references.push(after);
      before = after;
      progress(`${name}: ${describe(times)}; reference ${describe(after)}`);
    }
  };
  const takeSynthetic = async (model: SyntheticModel, efforts: readonly Effort[]) => {
    const of = shapeOfConfiguration(model.configuration, model.mixture);
    await withSynthetic(engine, model, { folder, load, signal }, () => take(model.name, of, efforts));
  };

  progress(
    `Calibrating on ${CALIBRATION_MODELS.length} small models with random weights, ${threads} thread(s).`,
  );
  for (const model of CALIBRATION_MODELS) await takeSynthetic(model, CALIBRATION_EFFORTS);
  const calibrated = taken.length;

  progress('Measuring models that the calibration did not use.');
  const real = await realModel(folder);
  if (real !== null) {
    await engine.load({ id: real.id, path: real.path, sha256: real.sha256 }, load);
    await take(`${real.id} (real file)`, real.shape, [EFFORT]);
  }
  for (const model of EVALUATION_MODELS) await takeSynthetic(model, [EFFORT]);
  const best = { cpu: referenceTimes(references, 'cpu'), wall: referenceTimes(references, 'wall') };
  const readings = taken.map(
    ({ around, ...rest }): Reading => ({
      ...rest,
      slowdown: { cpu: slowdown(around, best.cpu, 'cpu'), wall: slowdown(around, best.wall, 'wall') },
    }),
  );
  return score(readings.slice(0, calibrated), readings.slice(calibrated));
}

/** Loads the reference model and returns the function that measures it. */
async function startReference(folder: string, engine: Engine, threads: number, signal: AbortSignal) {
  if (REFERENCE === undefined) throw new Error('The calibration has no Q4_0 model.');
  const path = join(folder, 'reference.gguf');
  await writeSyntheticModel(path, REFERENCE.configuration, REFERENCE.mixture, signal);
  const load = { contextTokens: 512, sequences: 1, threads, graphicsMemoryBytesMax: null };
  await engine.load({ id: 'reference', path, sha256: '' }, load);
  return () => measureModelTimes(engine, REFERENCE_EFFORT, signal);
}

/** Returns the one real model; null if it can't be downloaded. */
async function realModel(home: string) {
  process.env.IDLEWATT_MODEL_CACHE ??= join(cacheFolder(), 'models');
  try {
    const file = await createModelStore({ home, clock: systemClock }).ensure(DEFAULT_MODEL_ID);
    const found = shapeOfHeader(await readGgufHeader(file.path));
    return found === null ? null : { ...file, shape: found };
  } catch (error) {
    progress(`${DEFAULT_MODEL_ID}: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

function timesOf(times: ModelTimes, basis: Basis) {
  return basis === 'wall' ? times.wall : (times.cpu ?? times.wall);
}

/** Returns the fastest times of the reference model, per phase. */
function referenceTimes(all: readonly ModelTimes[], basis: Basis) {
  const times = all.map((each) => timesOf(each, basis));
  return {
    prefillMs: Math.min(...times.map(({ prefillMs }) => prefillMs)),
    decodeMsPerToken: Math.min(...times.map(({ decodeMsPerToken }) => decodeMsPerToken)),
  };
}

/** Returns the mean over both phases, before and after. */
function slowdown(
  around: readonly ModelTimes[],
  best: ReturnType<typeof referenceTimes>,
  basis: Basis,
): number {
  const ratios = around.flatMap((each) => {
    const { prefillMs, decodeMsPerToken } = timesOf(each, basis);
    return [prefillMs / best.prefillMs, decodeMsPerToken / best.decodeMsPerToken];
  });
  return mean(ratios);
}

function normalized({ shape: of, times, slowdown: slower }: Reading, basis: Basis): MeasuredModel {
  const { prefillMs, decodeMsPerToken } = timesOf(times, basis);
  return {
    shape: of,
    promptTokens: times.promptTokens,
    answerTokens: times.answerTokens,
    prefillMs: prefillMs / slower[basis],
    decodeMsPerToken: decodeMsPerToken / slower[basis],
  };
}

function score(calibration: readonly Reading[], evaluation: readonly Reading[]): BenchResult {
  const figures: Record<string, number> = {};
  const notes: string[] = [];
  for (const basis of BASES) {
    const fitted = calibration.map((reading) => normalized(reading, basis));
    const costs = fitModels(fitted);
    const errors: Record<'decode' | 'prefill', number[]> = { decode: [], prefill: [] };
    for (const reading of evaluation) {
      const model = normalized(reading, basis);
      const predicted = predictSpeed(costs, model.shape, model);
      if (predicted === null)
        throw new Error(`${reading.name} has a quantization type that was not calibrated.`);
      const measured = {
        decode: 1_000 / model.decodeMsPerToken,
        prefill: (model.promptTokens * 1_000) / model.prefillMs,
      };
      const lines = (['decode', 'prefill'] as const).map((phase) => {
        const expected = predicted[`${phase}TokensPerSecond`];
        const off = 100 * (expected / measured[phase] - 1);
        errors[phase].push(Math.abs(off));
        return `${phase} predicted ${expected.toFixed(1)}, measured ${measured[phase].toFixed(1)} (${off.toFixed(1)}%)`;
      });
      notes.push(`${basis}, ${reading.name}: ${lines.join('; ')}`);
    }
    for (const phase of ['decode', 'prefill'] as const) {
      const name = basis === 'cpu' ? phase : `${phase}ByClock`;
      figures[`${name}ErrorPercentWorst`] = Math.max(...errors[phase]);
      figures[`${name}ErrorPercentMean`] = mean(errors[phase]);
    }
    const slowdowns = [...calibration, ...evaluation].map(({ slowdown: slower }) => slower[basis]);
    const drift = `${Math.min(...slowdowns).toFixed(2)} to ${Math.max(...slowdowns).toFixed(2)}`;
    notes.push(`${basis}: the reference model took ${drift} times its best; times are divided by that`);
    const cross = crossErrorPercent(fitted);
    if (basis === 'cpu' && cross !== null) figures.crossErrorPercent = cross;
  }
  const { decodeErrorPercentWorst = Number.NaN, prefillErrorPercentWorst = Number.NaN } = figures;
  return {
    figures: { evaluatedModels: evaluation.length, ...figures },
    goals: {
      decodeErrorPercentWorst: atMost(decodeErrorPercentWorst, GOAL_PERCENT),
      prefillErrorPercentWorst: atMost(prefillErrorPercentWorst, GOAL_PERCENT),
    },
    notes,
  };
}

function describe(times: ModelTimes): string {
  const { prefillMs, decodeMsPerToken } = timesOf(times, 'cpu');
  return `${times.promptTokens} tokens in ${prefillMs.toFixed(0)} ms, then ${decodeMsPerToken.toFixed(2)} ms each`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
