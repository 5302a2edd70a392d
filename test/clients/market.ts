/** A gateway for real clients: the real engine with a model that knows tools, the real provider, money of fakes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { ModelFile } from '../../main/ports/engine.ts';
import type { Network } from '../../main/ports/network.ts';
import { buildTinyModel } from '../../scripts/generators/make-tiny-model.ts';
import type { OfferedModel } from '../../shared/offer.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { batchesIn } from './market-batches.ts';

export const CLIENT_MODEL = 'tiny-with-tools';
export const CLIENT_EMBEDDING_MODEL = 'tiny-embedding';
const LOAD = { contextTokens: 2_048, sequences: 4, threads: 1, graphicsMemoryBytesMax: null };
const TEMPLATE =
  "{% if tools %}{{ '<|im_start|>system\\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}" +
  "{{ 'Call with <tool_call>.<|im_end|>\\n' }}{% endif %}{% for message in messages %}" +
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] }}" +
  "{% for call in message.tool_calls or [] %}{{ '<tool_call>' + (call.function | tojson) + '</tool_call>' }}{% endfor %}" +
  "{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

export interface ClientMarket {
  readonly baseUrl: string;
  readonly key: string;
  close(): Promise<void>;
}

export async function openClientMarket(): Promise<ClientMarket> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-clients-'));
  const hub = createFakeHub();
  const buying = await hub.createNetwork();
  await buying.start();
  const models = [
    { id: CLIENT_MODEL, bytes: buildTinyModel({ chatTemplate: TEMPLATE }), sha256: 'a'.repeat(64) },
    { id: CLIENT_EMBEDDING_MODEL, bytes: buildTinyModel({ isEmbedding: true }), sha256: 'b'.repeat(64) },
  ];
  const closers: (() => Promise<void>)[] = [];
  for (const { id, bytes, sha256 } of models) {
    const path = join(folder, `${id}.gguf`);
    writeFileSync(path, bytes);
    closers.push(await openProvider(hub, buying, { id, path, sha256 }));
  }
  const batches = batchesIn(folder);
  const gateway = await createFakeGateway(buying, { addRoutes: batches.addRoutes });
  await gateway.directory.find(null);
  batches.start();
  return {
    baseUrl: gateway.baseUrl,
    key: gateway.key,
    async close() {
      await batches.stop();
      await gateway.stop();
      for (const close of closers) await close();
      await buying.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Starts a provider of one model; returns what stops it. */
async function openProvider(
  hub: ReturnType<typeof createFakeHub>,
  buying: Network,
  file: ModelFile,
): Promise<() => Promise<void>> {
  const spawn = createLlamaSpawner({ sandbox: { modelFolders: [dirname(file.path)] } });
  const engine = createEngineSupervisor({ spawn, clock: systemClock });
  const { contextTokens, features = [] } = await engine.load(file, LOAD);
  const selling = await hub.createNetwork();
  await selling.start();
  const model: OfferedModel = {
    ...OFFERED,
    id: file.id,
    sha256: file.sha256,
    contextTokens,
    features: [...features],
  };
  createFakeProvider(selling, { models: [model], engine });
  await buying.connect(selling.addresses()[0] ?? '');
  return async () => {
    await engine.stop();
    await selling.stop();
  };
}
