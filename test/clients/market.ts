/** A gateway for real clients: the real engine with a model that knows tools, the real provider, money of fakes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { buildTinyModel } from '../../scripts/generators/make-tiny-model.ts';
import type { OfferedModel } from '../../shared/offer.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';

export const CLIENT_MODEL = 'tiny-with-tools';
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
  const path = join(folder, 'model.gguf');
  writeFileSync(path, buildTinyModel(TEMPLATE));
  const spawn = createLlamaSpawner({ sandbox: { modelFolders: [folder] } });
  const engine = createEngineSupervisor({ spawn, clock: systemClock });
  const loaded = await engine.load({ id: CLIENT_MODEL, path, sha256: OFFERED.sha256 }, LOAD);
  const hub = createFakeHub();
  const [buying, selling] = [await hub.createNetwork(), await hub.createNetwork()];
  await buying.start();
  await selling.start();
  const { contextTokens, features = [] } = loaded;
  const model: OfferedModel = { ...OFFERED, id: CLIENT_MODEL, contextTokens, features: [...features] };
  createFakeProvider(selling, { models: [model], engine });
  await buying.connect(selling.addresses()[0] ?? '');
  const gateway = await createFakeGateway(buying);
  await gateway.directory.find(null);
  return {
    baseUrl: gateway.baseUrl,
    key: gateway.key,
    async close() {
      await gateway.stop();
      await engine.stop();
      await buying.stop();
      await selling.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
