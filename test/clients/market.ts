/** A gateway for real clients: the real engine with a model that knows tools, the real provider, money of fakes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Network } from '../../main/ports/network.ts';
import { buildTinyModel } from '../../scripts/generators/make-tiny-model.ts';
import { createFakeGateway, createFakeProvider } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { batchesIn } from './market-batches.ts';
import { CLIENT_MODEL, type LoadedModel, loadModel, openTinyModel } from './tiny-model.ts';

const EMBEDDING_MODEL = 'tiny-embedding';

export interface ClientMarket {
  /** Variables that the clients read from their environment. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function openClientMarket(): Promise<ClientMarket> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-clients-'));
  const hub = createFakeHub();
  const buying = await hub.createNetwork();
  await buying.start();
  const path = join(folder, `${EMBEDDING_MODEL}.gguf`);
  writeFileSync(path, buildTinyModel({ isEmbedding: true }));
  const embedding = { id: EMBEDDING_MODEL, path, sha256: 'b'.repeat(64) };
  const closers: (() => Promise<void>)[] = [];
  for (const loaded of [await openTinyModel(folder), await loadModel(embedding)]) {
    closers.push(await openProvider(hub, buying, loaded));
  }
  const batches = batchesIn(folder);
  const gateway = await createFakeGateway(buying, { addRoutes: batches.addRoutes });
  await gateway.directory.find(null);
  batches.start();
  return {
    env: {
      IDLEWATT_CLIENT_BASE_URL: gateway.baseUrl,
      IDLEWATT_KEY: gateway.key,
      IDLEWATT_CLIENT_MODEL: CLIENT_MODEL,
      IDLEWATT_CLIENT_EMBEDDING_MODEL: EMBEDDING_MODEL,
    },
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
  { engine, model, stop }: LoadedModel,
): Promise<() => Promise<void>> {
  const selling = await hub.createNetwork();
  await selling.start();
  createFakeProvider(selling, { models: [model], engine });
  await buying.connect(selling.addresses()[0] ?? '');
  return async () => {
    await stop();
    await selling.stop();
  };
}
