/**
 * Predicts the speed of models that were never measured on this machine: calibrates on synthetic models at the owner's
 * request, predicts from the fitted costs, and scores each prediction once the model is measured. Predictions help to
 * choose a model; no offer is ever based on one.
 */
import type { AgentState, Measurement } from '../../../shared/api/state.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, LoadOptions } from '../../ports/engine.ts';
import { runCalibration } from './calibration.ts';
import { CALIBRATION_MODELS, type SyntheticModel } from './calibration-models.ts';
import { calibrationRow, type Score } from './calibration-record.ts';
import { failureText } from './failure-text.ts';
import { type FittedCalibration, newestFit, predictFrom } from './fitted-calibration.ts';
import type { ModelShape } from './model-shape.ts';
import { errorPercent } from './prediction.ts';
import { BENCHMARK_CONDITIONS, createScores, scoreFrom } from './scores.ts';

export type CalibrationState = AgentState['models']['calibration'];
export type ModelSpeed = AgentState['models']['models'][number]['speed'];

export interface PredictionsDependencies {
  /** A separate engine, so that serving can continue alongside. */
  readonly engine: Engine;
  /** Folder for the synthetic models, which are written one at a time. */
  readonly folder: string;
  /** Options with which models are loaded for serving: costs are valid only for these conditions. */
  readonly load: () => Promise<LoadOptions>;
  readonly store: BenchmarkStore;
  readonly clock: Clock;
  /** Returns null for a model whose shape is unknown. */
  readonly shape: (modelId: string) => ModelShape | null;
  /** Returns the newest undisturbed measurement of that name; null if there is none. */
  readonly measured: (modelId: string, name: 'prefill' | 'decode') => Measurement | null;
  readonly models?: readonly SyntheticModel[];
}

export interface Predictions {
  state(): CalibrationState;
  /** Calls the listener after each change; returns its unsubscribe. */
  onChange(listener: () => void): () => void;
  /**
   * Calibrates and stores the result. Rejects with `busy` while a calibration is running and with `aborted` if it was
   * stopped; failures are also in the state.
   */
  calibrate(): Promise<void>;
  /** Stops a running calibration; `reason` is one sentence for the owner. */
  abort(reason: string): void;
  /** True if the last calibration was stopped by {@link abort}; its state is `failed` then, with the reason. */
  wasStopped(): boolean;
  /** Returns the measured and the predicted speed of a model, separately. */
  speed(modelId: string): ModelSpeed;
  /** Compares new measurements with their prediction and stores both. */
  keepScore(measurements: readonly Measurement[]): void;
}

export function createPredictions(dependencies: PredictionsDependencies): Predictions {
  const { engine, store } = dependencies;
  const models = dependencies.models ?? CALIBRATION_MODELS;
  const listeners = new Set<() => void>();
  const scores = createScores(store);
  let running: AbortController | null = null;
  let stopped = false;
  let progress = 0;
  let error: string | null = null;
  let fitted: FittedCalibration | null = newestFit(store, models);

  function changed(): void {
    for (const listener of listeners) listener();
  }
  function onProgress(share: number): void {
    progress = share;
    changed();
  }
  function predict(modelId: string, conditions = BENCHMARK_CONDITIONS) {
    const shape = fitted === null ? null : dependencies.shape(modelId);
    return fitted === null || shape === null ? null : predictFrom(fitted, shape, conditions);
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
      if (running !== null) throw new AppError('busy', 'A calibration is already running.');
      const controller = new AbortController();
      const { signal } = controller;
      running = controller;
      stopped = false;
      error = null;
      onProgress(0);
      try {
        store.insert(calibrationRow(await runCalibration({ ...dependencies, models, signal, onProgress })));
        fitted = newestFit(store, models);
      } catch (thrown) {
        stopped = signal.aborted;
        const failure = signal.aborted ? signal.reason : thrown;
        error = failureText(failure, 'The calibration');
        throw failure;
      } finally {
        await engine.stop();
        running = null;
        changed();
      }
    },
    abort(reason) {
      if (running === null) return;
      running.abort(new AppError('aborted', reason));
      // Frees the memory now instead of after the current run.
      void engine.handBack();
    },
    wasStopped: () => stopped,
    speed: (modelId) => ({
      measured: measuredSpeed(modelId, dependencies.measured),
      predicted: predict(modelId),
      score: scoreState(scores.newest(modelId)),
    }),
    keepScore(measurements) {
      const score = scoreFrom(measurements, predict);
      if (score === null) return;
      scores.keep(score);
      changed();
    },
  };
}

function measuredSpeed(modelId: string, newest: PredictionsDependencies['measured']): ModelSpeed['measured'] {
  const decode = newest(modelId, 'decode');
  const prefill = newest(modelId, 'prefill');
  return (
    decode && {
      decodeTokensPerSecond: decode.value,
      prefillTokensPerSecond: prefill?.value ?? null,
      atMs: decode.atMs,
    }
  );
}

function scoreState(score: Score | undefined): ModelSpeed['score'] {
  if (score === undefined) return null;
  const predicted = score.predicted.decodeTokensPerSecond;
  const measured = score.measured.decodeTokensPerSecond;
  return {
    predictedTokensPerSecond: predicted,
    measuredTokensPerSecond: measured,
    errorPercent: errorPercent(predicted, measured),
    atMs: score.atMs,
  };
}
