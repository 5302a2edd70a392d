/** The newest stored calibration with the costs fitted to it, and predictions from them. */
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { SyntheticModel } from './calibration-models.ts';
import { CALIBRATION_KIND, type Calibration, calibrationOf, measuredModels } from './calibration-record.ts';
import type { ModelShape } from './model-shape.ts';
import {
  type Conditions,
  crossErrorPercent,
  type FittedCosts,
  fitModels,
  predictSpeed,
  type Speed,
} from './prediction.ts';

export interface FittedCalibration extends FittedCosts {
  readonly calibration: Calibration;
  /** See {@link crossErrorPercent}. */
  readonly uncertaintyPercent: number | null;
}

/** A predicted speed, with the calibration's time, backend and threads. */
export interface PredictedSpeed extends Speed, Pick<Calibration, 'atMs' | 'backend' | 'threads'> {
  readonly uncertaintyPercent: number | null;
}

/** Returns null if no calibration is stored. */
export function newestFit(
  store: BenchmarkStore,
  models: readonly SyntheticModel[],
): FittedCalibration | null {
  const calibration = store.list(CALIBRATION_KIND, 1).flatMap((row) => calibrationOf(row) ?? [])[0];
  if (calibration === undefined) return null;
  const measured = measuredModels(calibration, models);
  return { calibration, ...fitModels(measured), uncertaintyPercent: crossErrorPercent(measured) };
}

/** Returns null for a model with a tensor type that was not calibrated. */
export function predictFrom(
  fitted: FittedCalibration,
  shape: ModelShape,
  conditions: Conditions,
): PredictedSpeed | null {
  const speed = predictSpeed(fitted, shape, conditions);
  if (speed === null) return null;
  const { atMs, backend, threads } = fitted.calibration;
  return { ...speed, uncertaintyPercent: fitted.uncertaintyPercent, atMs, backend, threads };
}
