/** Opens what measures this machine and predicts the speed of models: benchmark, shapes and calibration. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { comfortLimits } from '../../shared/comfort.ts';
import { createWorkerProbe } from '../adapters/gpu/index.ts';
import { createLlamaSpawner } from '../adapters/llama/index.ts';
import type { ShellLink } from '../api/shell-link.ts';
import {
  type Benchmark,
  createBenchmark,
  createPredictions,
  createShapes,
  joinProbes,
  type Predictions,
} from '../core/benchmark/index.ts';
import { createEngineSupervisor } from '../core/engine/index.ts';
import { servingLoad } from '../core/serving/index.ts';
import type { Engine } from '../ports/engine.ts';
import type { EngineParts } from './engine.ts';
import type { Foundation } from './foundation.ts';
import { latest } from './latest.ts';
import type { Surroundings } from './surroundings.ts';

export interface Measuring {
  readonly benchmark: Benchmark;
  readonly predictions: Predictions;
  /** Engine that only calibration uses. */
  readonly calibrator: Engine;
}

export interface MeasuringParts {
  readonly foundation: Foundation;
  readonly engine: EngineParts;
  readonly shell: ShellLink;
  /** Keeps jobs away from the engine; resolves when none is running. */
  readonly reserve: (signal: AbortSignal) => Promise<() => void>;
}

export function openMeasuring(surroundings: Surroundings, parts: MeasuringParts): Measuring {
  const { onClose, changed } = surroundings;
  const { settings, presence, database } = parts.foundation;
  const { engine, machine, duty } = parts.engine;
  const predictions = latest<Predictions>();
  const benchmark = createBenchmark({
    gpuProbe: gpuProbe(parts.shell),
    engine,
    machine,
    store: database.benchmarks,
    clock: surroundings.clock,
    duty,
    comfortDutyPercent: () => comfortLimits(settings.get().comfort).dutyPercent,
    reserve: parts.reserve,
    onMeasured: (measurements) => predictions.get()?.keepScore(measurements),
  });
  benchmark.onChange(() => changed('machine', 'models'));
  const calibration = openCalibration(surroundings, parts, benchmark);
  predictions.set(calibration.predictions);

  const stopMeasuring = (why: string) => {
    benchmark.abort(why);
    calibration.predictions.abort(why);
  };
  onClose(() => stopMeasuring('Idlewatt is closing.'));
  presence.onChange(({ decision }) => {
    if (decision === 'pause') stopMeasuring('You need the machine.');
  });
  return { benchmark, ...calibration };
}

/** With a desktop shell its window probes graphics too; without one a worker process probes the CPU alone. */
function gpuProbe(shell: ShellLink): Parameters<typeof createBenchmark>[0]['gpuProbe'] {
  const withoutWindow = createWorkerProbe();
  const withWindow = joinProbes(shell.gpuProbe, withoutWindow);
  return { run: (signal) => (shell.connected() ? withWindow : withoutWindow).run(signal) };
}

function openCalibration(
  { clock, onClose, changed, log }: Surroundings,
  { foundation, engine }: MeasuringParts,
  benchmark: Benchmark,
): { readonly predictions: Predictions; readonly calibrator: Engine } {
  const { paths, settings, database } = foundation;
  const shapes = createShapes(engine.models, () => changed('models'));
  onClose(() => shapes.close());
  const folder = join(paths.root, 'calibration');
  // An agent that was killed during calibration left its model there: up to 0.7 GB.
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    log.child('calibration').error('The calibration folder could not be removed', error, { folder });
  }
  const calibrator = createEngineSupervisor({
    spawn: createLlamaSpawner({ sandbox: { modelFolders: [folder] }, graphics: engine.graphics.choice }),
    clock,
  });
  onClose(() => calibrator.stop());
  const predictions = createPredictions({
    engine: calibrator,
    folder,
    load: () => servingLoad(engine.machine, settings.get()),
    store: database.benchmarks,
    clock,
    shape: shapes.shape,
    measured: (modelId, name) => benchmark.newest(modelId, name),
  });
  predictions.onChange(() => changed('models'));
  return { predictions, calibrator };
}
