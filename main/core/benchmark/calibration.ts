/** One run of the calibration: measures every synthetic model on the engine. */
import { forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, LoadOptions } from '../../ports/engine.ts';
import { CALIBRATION_EFFORTS, type SyntheticModel } from './calibration-models.ts';
import type { Calibration, CalibrationSample } from './calibration-record.ts';
import { DISTURBED_RATIO } from './engine-speed.ts';
import { measureModelTimes } from './model-times.ts';
import { withSynthetic } from './with-synthetic.ts';

export interface CalibrationOptions {
  readonly engine: Engine;
  /** Folder for the synthetic models, which are written one at a time. */
  readonly folder: string;
  readonly load: () => Promise<LoadOptions>;
  readonly models: readonly SyntheticModel[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called before each model with the share that is done, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

export async function runCalibration(options: CalibrationOptions): Promise<Calibration> {
  const { engine, folder, models, clock, signal, onProgress } = options;
  const load = await options.load();
  const samples: CalibrationSample[] = [];
  const loaded: { backend: string; threads: number }[] = [];
  let disturbed = false;
  for (const [index, model] of models.entries()) {
    signal.throwIfAborted();
    onProgress(index / models.length);
    await withSynthetic(engine, model, { folder, load, signal }, async ({ backend, ...reported }) => {
      const threads = forceUnwrap('an engine process reports its threads', reported.threads);
      loaded.push({ backend, threads });
      for (const effort of CALIBRATION_EFFORTS) {
        const { promptTokens, answerTokens, wall, cpu } = await measureModelTimes(engine, effort, signal);
        samples.push({ model: model.name, promptTokens, answerTokens, ...wall });
        disturbed ||= backend === 'cpu' && cpu !== null && wall.prefillMs > cpu.prefillMs * DISTURBED_RATIO;
      }
    });
  }
  const [circumstances] = loaded;
  if (circumstances === undefined) throw new AppError('unsupported', 'No models to calibrate with.');
  return { atMs: clock.now(), ...circumstances, samples, disturbed };
}
