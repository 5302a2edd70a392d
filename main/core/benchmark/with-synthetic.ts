/** Loads one synthetic model for the duration of a task, and deletes its file afterwards. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, LoadedModel, LoadOptions } from '../../ports/engine.ts';
import type { SyntheticModel } from './calibration-models.ts';
import { writeSyntheticModel } from './synthetic-model.ts';

/** Fails as the engine, Node's file system, the signal or `use` does. */
export async function withSynthetic<T>(
  engine: Engine,
  model: SyntheticModel,
  options: { readonly folder: string; readonly load: LoadOptions; readonly signal: AbortSignal },
  use: (loaded: LoadedModel) => Promise<T>,
): Promise<T> {
  const { folder, load, signal } = options;
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'synthetic.gguf');
  try {
    await writeSyntheticModel(path, model.configuration, model.mixture, signal);
    return await use(await engine.load({ id: model.name, path, sha256: '' }, load));
  } finally {
    await engine.unload();
    await rm(path, { force: true });
  }
}
