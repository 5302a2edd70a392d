/**
 * What models that were never measured will probably do here: calibrates on synthetic models when the owner
 * asks, predicts from that, and keeps score when a predicted model is measured. A prediction is for choosing
 * a model; nothing is ever offered on it.
 */
import type { AgentState, Measurement } from '../../../shared/api/state.ts';
import { engineConditions, isModelSpeed } from '../../../shared/engine-measurement.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, LoadOptions } from '../../ports/engine.ts';
import { CALIBRATION_EFFORTS, CALIBRATION_MODELS, type SyntheticModel } from './calibration-models.ts';
import {
  CALIBRATION_KIND,
  type Calibration,
  type CalibrationSample,
  calibrationOf,
  calibrationRow,
  measuredModels,
  SCORE_KIND,
  type Score,
  scoreOf,
  scoreRow,
} from './calibration-record.ts';
import { DISTURBED_RATIO } from './engine-speed.ts';
import type { ModelShape } from './model-shape.ts';
import { measureModelTimes } from './model-times.ts';
import { crossErrorPercent, errorPercent, type FittedCosts, fitModels, predictSpeed } from './prediction.ts';
import { withSynthetic } from './with-synthetic.ts';

export type CalibrationState = AgentState['models']['calibration'];
export type ModelSpeed = AgentState['models']['models'][number]['speed'];

export interface PredictionsDependencies {
  /** One of its own: what is served goes on beside it. */
  readonly engine: Engine;
  /** Where the synthetic models are written, one at a time. */
  readonly folder: string;
  /** How models are loaded to be served: costs hold for these conditions. */
  readonly load: () => Promise<LoadOptions>;
  readonly store: BenchmarkStore;
  readonly clock: Clock;
  /** Null for a model whose shape is not known. */
  readonly shape: (modelId: string) => ModelShape | null;
  /** The newest undisturbed measurement of that name; null before there is one. */
  readonly measured: (modelId: string, name: 'prefill' | 'decode') => Measurement | null;
  readonly models?: readonly SyntheticModel[];
}

export interface Predictions {
  state(): CalibrationState;
  /** Called after each change; returns its unsubscribe. */
  onChange(listener: () => void): () => void;
  /** Calibrates and keeps it. Rejects with `busy` while it does, `aborted` when stopped; failures are in the state too. */
  calibrate(): Promise<void>;
  /** `why` is one sentence for the owner. */
  abort(why: string): void;
  /** What is known of a model's speed, measured and predicted apart. */
  speed(modelId: string): ModelSpeed;
  /** Compares what was just measured with what was predicted, and keeps both. */
  keepScore(measurements: readonly Measurement[]): void;
}

/** As the machine's benchmark measures where there is time for it; about one token a word. */
const CONDITIONS = { promptTokens: 256, answerTokens: 64 };
const SCORES_MAX = 200;

export function createPredictions(dependencies: PredictionsDependencies): Predictions {
  const { engine, store, clock } = dependencies;
  const models = dependencies.models ?? CALIBRATION_MODELS;
  const listeners = new Set<() => void>();
  let running: AbortController | null = null;
  let progress = 0;
  let error: string | null = null;
  let fitted = newestFit();
  const scores = new Map<string, Score>();
  // Newest first: the first of each model stays.
  for (const row of store.list(SCORE_KIND, SCORES_MAX)) {
    const score = scoreOf(row);
    if (score !== null && !scores.has(score.modelId)) scores.set(score.modelId, score);
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  function newestFit():
    | (FittedCosts & { calibration: Calibration; uncertaintyPercent: number | null })
    | null {
    const calibration = store.list(CALIBRATION_KIND, 1).flatMap((row) => calibrationOf(row) ?? [])[0];
    if (calibration === undefined) return null;
    const measured = measuredModels(calibration, models);
    return { calibration, ...fitModels(measured), uncertaintyPercent: crossErrorPercent(measured) };
  }

  async function measure(signal: AbortSignal): Promise<Calibration> {
    const load = await dependencies.load();
    const samples: CalibrationSample[] = [];
    let disturbed = false;
    const ran: { backend: string; threads: number }[] = [];
    for (const [index, model] of models.entries()) {
      signal.throwIfAborted();
      progress = index / models.length;
      changed();
      const options = { folder: dependencies.folder, load, signal };
      await withSynthetic(engine, model, options, async ({ backend, threads }) => {
        ran.push({ backend, threads });
        for (const effort of CALIBRATION_EFFORTS) {
          const { promptTokens, answerTokens, wall, cpu } = await measureModelTimes(engine, effort, signal);
          samples.push({ model: model.name, promptTokens, answerTokens, ...wall });
          disturbed ||= backend === 'cpu' && cpu !== null && wall.prefillMs > cpu.prefillMs * DISTURBED_RATIO;
        }
      });
    }
    const [where] = ran;
    if (where === undefined) throw new AppError('unsupported', 'There is nothing to calibrate with.');
    return { atMs: clock.now(), ...where, samples, disturbed };
  }

  function predicted(modelId: string, conditions = CONDITIONS) {
    const shape = fitted === null ? null : dependencies.shape(modelId);
    if (fitted === null || shape === null) return null;
    const speed = predictSpeed(fitted, shape, conditions);
    if (speed === null) return null;
    const { atMs, backend, threads } = fitted.calibration;
    return { ...speed, uncertaintyPercent: fitted.uncertaintyPercent, atMs, backend, threads };
  }

  return {
    state: () => ({
      state: running !== null ? 'running' : error !== null ? 'failed' : fitted === null ? 'never' : 'done',
      progress: running === null ? null : progress,
      atMs: fitted?.calibration.atMs ?? null,
      disturbed: fitted?.calibration.disturbed ?? null,
      error,
    }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async calibrate() {
      if (running !== null) throw new AppError('busy', 'The calibration is running already.');
      const controller = new AbortController();
      running = controller;
      progress = 0;
      error = null;
      changed();
      try {
        store.insert(calibrationRow(await measure(controller.signal)));
        fitted = newestFit();
      } catch (failure) {
        const why = controller.signal.aborted ? controller.signal.reason : failure;
        error = isAppError(why) ? why.message : 'It failed for a reason that is not known.';
        throw why;
      } finally {
        await engine.stop();
        running = null;
        changed();
      }
    },
    abort(why) {
      if (running === null) return;
      running.abort(new AppError('aborted', why));
      // The memory goes back now, not after the run that is under way.
      void engine.handBack();
    },
    speed(modelId) {
      const decode = dependencies.measured(modelId, 'decode');
      const prefill = dependencies.measured(modelId, 'prefill');
      const score = scores.get(modelId);
      return {
        measured: decode && {
          decodeTokensPerSecond: decode.value,
          prefillTokensPerSecond: prefill?.value ?? null,
          atMs: decode.atMs,
        },
        predicted: predicted(modelId),
        score:
          score === undefined
            ? null
            : {
                predictedTokensPerSecond: score.predicted.decodeTokensPerSecond,
                measuredTokensPerSecond: score.measured.decodeTokensPerSecond,
                errorPercent: errorPercent(
                  score.predicted.decodeTokensPerSecond,
                  score.measured.decodeTokensPerSecond,
                ),
                atMs: score.atMs,
              },
      };
    },
    keepScore(measurements) {
      const speed = (name: 'prefill' | 'decode') =>
        measurements.find((each) => {
          const conditions = engineConditions(each);
          return each.name === name && conditions !== null && isModelSpeed(conditions);
        });
      const [decode, prefill] = [speed('decode'), speed('prefill')];
      const conditions = decode && engineConditions(decode);
      if (decode === undefined || prefill === undefined || !conditions) return;
      if (conditions.otherJobs !== undefined || decode.value <= 0 || prefill.value <= 0) return;
      const { model: modelId, threads, promptTokens, decodeTokens } = conditions;
      // A slow machine was asked for less: the prediction is for what was asked.
      const expected = predicted(modelId, {
        promptTokens: promptTokens ?? CONDITIONS.promptTokens,
        answerTokens: decodeTokens ?? CONDITIONS.answerTokens,
      });
      // Costs of another backend or number of threads say nothing of this measurement.
      if (expected === null || expected.backend !== decode.mode) return;
      if (expected.threads !== threads) return;
      const score: Score = {
        atMs: decode.atMs,
        backend: expected.backend,
        threads: expected.threads,
        modelId,
        predicted: {
          prefillTokensPerSecond: expected.prefillTokensPerSecond,
          decodeTokensPerSecond: expected.decodeTokensPerSecond,
        },
        measured: { prefillTokensPerSecond: prefill.value, decodeTokensPerSecond: decode.value },
      };
      store.insert(scoreRow(score));
      scores.set(modelId, score);
      changed();
    },
  };
}
