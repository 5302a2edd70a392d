/** Brings one synthetic model to an engine, measures it in a short and a long context, and leaves no file behind. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, LoadOptions } from '../../ports/engine.ts';
import type { SyntheticModel } from './calibration-models.ts';
import { type Effort, type ModelTimes, measureModelTimes } from './model-times.ts';
import { writeSyntheticModel } from './synthetic-model.ts';

/** Two contexts, so that what a layer costs and what its attention costs can be told apart. */
export const CALIBRATION_EFFORTS: readonly Effort[] = [
  { runs: 3, promptWords: 32, answerTokens: 24 },
  { runs: 3, promptWords: 256, answerTokens: 24 },
];

export interface SyntheticRun {
  /** One for each effort. */
  readonly times: readonly ModelTimes[];
  readonly backend: string;
  readonly threads: number;
  readonly bytes: number;
}

/** Fails like the engine, like Node's file system, or as the signal says. */
export async function runSynthetic(
  engine: Engine,
  model: SyntheticModel,
  options: {
    readonly folder: string;
    readonly load: LoadOptions;
    readonly efforts: readonly Effort[];
    readonly signal: AbortSignal;
  },
): Promise<SyntheticRun> {
  const { folder, load, efforts, signal } = options;
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'synthetic.gguf');
  try {
    const bytes = await writeSyntheticModel(path, model.configuration, model.mixture, signal);
    const { backend, threads } = await engine.load({ id: model.name, path, sha256: '' }, load);
    const times: ModelTimes[] = [];
    for (const effort of efforts) times.push(await measureModelTimes(engine, effort, signal));
    return { times, backend, threads, bytes };
  } finally {
    await engine.unload();
    await rm(path, { force: true });
  }
}
