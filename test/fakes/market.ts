/** A provider and a gateway on any two networks, with fakes of engine, payment gate, payment client and job store. */

import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { closeHttp, createHttpServer, listenHttp } from '../../main/adapters/http/index.ts';
import { verifySigned } from '../../main/adapters/libp2p/index.ts';
import { createGateway, type GatewayOptions } from '../../main/core/gateway/index.ts';
import { createOffers, readOffer } from '../../main/core/identity/index.ts';
import { createDirectory } from '../../main/core/network/index.ts';
import { createProviderService, type ProviderOptions } from '../../main/core/provider/index.ts';
import { type Clock, systemClock } from '../../main/ports/clock.ts';
import type { Engine } from '../../main/ports/engine.ts';
import type { Network } from '../../main/ports/network.ts';
import type { Job } from '../../shared/jobs.ts';
import type { OfferedModel, Receipt } from '../../shared/offer.ts';
import { createFakeEngine, FAKE_MODEL } from './engine.ts';
import { createTestKeys, TEST_KEY } from './gateway-keys.ts';
import { offerChecks, UNBOUND } from './identity.ts';
import { createFakeJobs } from './jobs.ts';
import { oneModel } from './model-engines.ts';
import { createFakePayer } from './payer.ts';
import { createFakeGate, FAKE_ASSET, FAKE_PAYOUT } from './payment-gate.ts';

export const OFFERED: OfferedModel = {
  id: FAKE_MODEL.id,
  sha256: FAKE_MODEL.sha256,
  quantisation: 'F32',
  contextTokens: 4_096,
  price: { inputPerMillion: '20000', outputPerMillion: '80000' },
  prefillTokensPerSecond: 1_000,
  decodeTokensPerSecond: 100,
};

export const FAKE_LIFE = { contextTokens: 4_096, sequences: 4, threads: 1, graphicsMemoryBytesMax: null };

/** Creates a provider that serves over the network. */
export function createFakeProvider(
  network: Network,
  options: Partial<ProviderOptions> & {
    engine?: Engine;
    models?: OfferedModel[];
    slots?: number;
    refuses?: string[];
  } = {},
) {
  const engine = options.engine ?? createFakeEngine({ loaded: FAKE_LIFE });
  const clock: Clock = options.clock ?? systemClock;
  const gate = createFakeGate();
  const jobs = createFakeJobs();
  const charged: { job: Job; receipt: Receipt }[] = [];
  const faults: unknown[] = [];
  const offers = createOffers({
    key: network.key,
    clock,
    terms: () => ({
      payout: FAKE_PAYOUT,
      networks: ['eip155:31337'],
      asset: FAKE_ASSET,
      models: options.models ?? [OFFERED],
      slots: options.slots ?? 4,
      ...(options.refuses && { refuses: options.refuses }),
    }),
    bindings: UNBOUND,
  });
  const service = createProviderService({
    gate,
    key: network.key,
    clock,
    jobs,
    offers,
    presence: () => ({ decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null }),
    onCharged: (job, receipt) => charged.push({ job, receipt }),
    onUnexpected: (error) => `incident-${faults.push(error)}`,
    engines: oneModel(engine),
    ...options,
  });
  const server = createHttpServer(service.app);
  network.serve(server);
  return { service, server, gate, jobs, charged, faults, offers };
}

/** Creates a gateway on a free loopback port. */
export async function createFakeGateway(network: Network, options: Partial<GatewayOptions> = {}) {
  const clock: Clock = options.clock ?? systemClock;
  const payer = createFakePayer();
  const jobs = createFakeJobs();
  const bought: { job: Job; receipt: Receipt | null }[] = [];
  const faults: unknown[] = [];
  const directory = createDirectory({
    network,
    clock,
    readOffer: (jws, peer) => readOffer(jws, peer, offerChecks(clock)),
  });
  directory.start();
  const gateway = createGateway({
    network,
    directory,
    payer,
    verifySigned,
    clock,
    jobs,
    keys: createTestKeys({ clock }),
    // Equals stay in the order of the directory.
    random: () => 0,
    onBought: (job, receipt) => bought.push({ job, receipt }),
    onUnexpected: (error) => `incident-${faults.push(error)}`,
    ...options,
  });
  const server: Server = createHttpServer(gateway.app);
  const port = await listenHttp(server, { host: '127.0.0.1', port: 0 });
  return {
    gateway,
    directory,
    payer,
    jobs,
    bought,
    faults,
    key: TEST_KEY,
    baseUrl: `http://127.0.0.1:${port}/v1`,
    /** Connections of clients to the gateway. */
    connections: () => promisify(server.getConnections.bind(server))(),
    async stop() {
      directory.stop();
      await closeHttp(server);
    },
  };
}
