/** A provider for clients that pay it themselves: real engine, payment gate, chain, libp2p and a relay; also as plain HTTP. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wallet } from 'ethers';
import { startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { closeHttp, createHttpServer, listenHttp } from '../../main/adapters/http/index.ts';
import { createNetwork, createPublicNode } from '../../main/adapters/libp2p/index.ts';
import { createBindings, createOffers } from '../../main/core/identity/index.ts';
import { createProviderService } from '../../main/core/provider/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Network, PublicNode } from '../../main/ports/network.ts';
import { VECTORS } from '../../scripts/lib/protocol-document.ts';
import { amount } from '../../shared/money.ts';
import { makeAccounts, openProvider } from '../contract/paid-service.ts';
import { createFakeJobs } from '../fakes/jobs.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { oneModel } from '../fakes/model-engines.ts';
import { type LoadedModel, openTinyModel } from './tiny-model.ts';

const PLACE_MS_MAX = 20_000;

export interface ProviderMarket {
  /** Variables that the clients read from their environment. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function openProviderMarket(): Promise<ProviderMarket> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-provider-'));
  const loaded = await openTinyModel(folder);
  const chain = await startPracticeChain({ folder: join(folder, 'chain') });
  const selling = await makeAccounts();
  const buyer = Wallet.createRandom();
  await chain.fund(selling.gas.address, amount(0));
  await chain.fund(buyer.address);
  const relay = await openRelay(join(folder, 'relay'));
  const network = await createNetwork({
    ...{ folder, clock: systemClock, mdns: false },
    market: { announce: [], scope: 'any' },
  });
  const { app } = await openService(loaded, { chain, selling, network });
  network.serve(createHttpServer(app));
  await network.start();
  network.market?.join(relay.addresses());
  const server = createHttpServer(app);
  const port = await listenHttp(server, { host: '127.0.0.1', port: 0 });
  const { id, rpcUrl, token } = chain.network;
  return {
    env: {
      IDLEWATT_CLIENT_MODEL: loaded.model.id,
      IDLEWATT_CLIENT_PROVIDER_URL: `http://127.0.0.1:${port}`,
      IDLEWATT_CLIENT_PROVIDER_ADDRESS: network.addresses().find((address) => !isRelayed(address)) ?? '',
      IDLEWATT_CLIENT_PROVIDER_RELAYED_ADDRESS: await relayedAddress(network),
      IDLEWATT_CLIENT_VECTORS: VECTORS,
      IDLEWATT_CLIENT_CHAIN: JSON.stringify({ id, rpcUrl, token: token.address }),
      IDLEWATT_CLIENT_PRIVATE_KEY: buyer.privateKey,
    },
    async close() {
      await closeHttp(server);
      await network.stop();
      await relay.stop();
      await loaded.stop();
      await chain.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function openRelay(folder: string): Promise<PublicNode> {
  mkdirSync(folder);
  const relay = await createPublicNode({
    ...{ folder, clock: systemClock, log: createRecordingLog(), listen: ['/ip4/127.0.0.1/tcp/0'] },
    ...{ announce: [], bootstrap: [], isRelay: true, scope: 'any' },
  });
  await relay.start();
  return relay;
}

const isRelayed = (address: string) => address.includes('/p2p-circuit');

/** Waits for the provider's place at the relay. */
async function relayedAddress(network: Network): Promise<string> {
  const untilMs = performance.now() + PLACE_MS_MAX;
  while (performance.now() < untilMs) {
    const address = network.addresses().find(isRelayed);
    if (address !== undefined) return address;
    await sleep(50);
  }
  throw new Error('the relay reserved no place');
}

async function openService(
  { engine, model }: LoadedModel,
  market: {
    readonly chain: Awaited<ReturnType<typeof startPracticeChain>>;
    readonly selling: Awaited<ReturnType<typeof makeAccounts>>;
    readonly network: Awaited<ReturnType<typeof createNetwork>>;
  },
) {
  const { chain, selling, network } = market;
  const { gate } = await openProvider(chain, selling);
  const { key } = network;
  const { token } = chain.network;
  const offers = createOffers({
    key,
    clock: systemClock,
    terms: () => ({
      payout: gate.payout,
      networks: [chain.network.id],
      asset: { id: token.id, symbol: token.symbol, decimals: token.decimals, practice: true },
      models: [model],
      slots: 4,
    }),
    bindings: createBindings({ key, clock: systemClock, payout: selling.funds, network: chain.network.id }),
  });
  return createProviderService({
    ...{ engines: oneModel(engine), gate, key, offers },
    clock: systemClock,
    jobs: createFakeJobs(),
    presence: () => ({ decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null }),
    onCharged: () => undefined,
    onUnexpected: (error) => {
      console.error(error);
      return 'incident';
    },
  });
}
