/** The tiny model with tools, loaded by the real engine. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Engine, ModelFile } from '../../main/ports/engine.ts';
import { buildTinyModel } from '../../scripts/generators/make-tiny-model.ts';
import type { OfferedModel } from '../../shared/offer.ts';
import { OFFERED } from '../fakes/market.ts';

export const CLIENT_MODEL = 'tiny-with-tools';
const LOAD = { contextTokens: 2_048, sequences: 4, threads: 1, graphicsMemoryBytesMax: null };
const TEMPLATE =
  "{% if tools %}{{ '<|im_start|>system\\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}" +
  "{{ 'Call with <tool_call>.<|im_end|>\\n' }}{% endif %}{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] }}" +
  "{% for call in message.tool_calls or [] %}{{ '<tool_call>' + (call.function | tojson) + '</tool_call>' }}{% endfor %}" +
  "{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

export interface LoadedModel {
  readonly engine: Engine;
  readonly model: OfferedModel;
  stop(): Promise<void>;
}

export async function openTinyModel(folder: string): Promise<LoadedModel> {
  const file = { id: CLIENT_MODEL, path: join(folder, `${CLIENT_MODEL}.gguf`), sha256: 'a'.repeat(64) };
  writeFileSync(file.path, buildTinyModel({ chatTemplate: TEMPLATE }));
  return loadModel(file);
}

/** Loads a file and describes it as its provider offers it. */
export async function loadModel(file: ModelFile): Promise<LoadedModel> {
  const spawn = createLlamaSpawner({ sandbox: { modelFolders: [dirname(file.path)] } });
  const engine = createEngineSupervisor({ spawn, clock: systemClock });
  const { contextTokens, features = [] } = await engine.load(file, LOAD);
  const { id, sha256 } = file;
  return {
    engine,
    model: { ...OFFERED, id, sha256, contextTokens, features: [...features] },
    stop: () => engine.stop(),
  };
}
