/**
 * For tests: a storefront over plain HTTP on the practice chain, with real ledger, jobs and payments. The market behind it
 * is a gateway with providers in this process, whose engines are scripted words.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { closeHttp, createPublicServer, listenHttp } from '../../main/adapters/http/index.ts';
import { createPaidToolServer } from '../../main/adapters/mcp/index.ts';
import { recoverSigner } from '../../main/adapters/secp256k1/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import {
  createExactCollection,
  createFacilitator,
  createSaleGate,
  createUptoCredit,
  createUptoSettlement,
} from '../../main/adapters/x402/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createJobs, type Jobs } from '../../main/core/jobs/index.ts';
import { createLedger } from '../../main/core/ledger/index.ts';
import { createProviderService, type ProviderLimits } from '../../main/core/provider/index.ts';
import {
  createAbuseReports,
  createBlockList,
  createCustomerAccounts,
  createCustomerKeys,
  createMarketEngines,
  createMarketOffers,
  createStorefront,
  listingOf,
  refuseBlocked,
  STOREFRONT_LIMITS,
} from '../../main/core/storefront/index.ts';
import type { ChainNetwork } from '../../main/ports/chain.ts';
import { type Clock, systemClock } from '../../main/ports/clock.ts';
import type { CustomerAccounts } from '../../main/ports/customers.ts';
import type { Engine } from '../../main/ports/engine.ts';
import type { Network } from '../../main/ports/network.ts';
import type { PaymentGate } from '../../main/ports/payments.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { type Amount, amount } from '../../shared/money.ts';
import { createFakeEngine } from '../fakes/engine.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { createFakeGateway, createFakeProvider, FAKE_LIFE, OFFERED } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { createFakePayer } from '../fakes/payer.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts, openProvider } from './paid-service.ts';

/** Whole base units for each token, so that every single one changes the charge. */
export const MARKET_PRICE = { inputPerMillion: '2000000', outputPerMillion: '8000000' };
export const MARGIN_PERCENT = 10;
export const MODEL = OFFERED.id;
export const ANSWER = ['The ', 'sky ', 'is ', 'blue. '];

export interface StorefrontMarketOptions {
  readonly engines?: readonly Engine[];
  readonly network?: Partial<ChainNetwork>;
  readonly clock?: Clock;
  readonly proxies?: readonly string[];
  /** False: its own key can't pay for a transaction. */
  readonly hasGas?: boolean;
  /** Default: 100. */
  readonly depositMin?: Amount;
  /** Concurrent answers that the providers and the storefront give at most; default: few. */
  readonly streamsMax?: number;
  /** Wraps the gate. */
  readonly around?: (gate: PaymentGate, customers: CustomerAccounts) => PaymentGate;
  readonly collectTimeouts?: { readonly answerMs: number; readonly showMs: number };
}

export type StorefrontMarket = Awaited<ReturnType<typeof openStorefrontMarket>>;

export const answering = (): Engine => createFakeEngine({ loaded: FAKE_LIFE, answer: () => ANSWER });

export async function openChain(folder: string): Promise<PracticeChain> {
  return startPracticeChain({ folder, moreMethods: TEST_METHODS });
}

/** Opens a chain and a storefront for all tests of a file. */
export function withStorefront(
  opened: (each: { readonly chain: PracticeChain; readonly shop: StorefrontMarket }) => void,
  options: StorefrontMarketOptions = {},
): void {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-storefront-'));
  const closing: (() => Promise<unknown>)[] = [];
  before(async () => {
    const chain = await openChain(folder);
    closing.unshift(() => chain.stop());
    const shop = await openStorefrontMarket(chain, options);
    closing.unshift(shop.close);
    opened({ chain, shop });
  });
  after(async () => {
    for (const close of closing) await close();
    rmSync(folder, { recursive: true });
  });
}

/** The market behind the storefront: a gateway, and a provider for each engine, the first one cheapest. */
async function openMarketBehind(
  { engines = [answering()], clock = systemClock, streamsMax }: StorefrontMarketOptions,
  jobs: Jobs,
) {
  const hub = createFakeHub();
  const network = await hub.createNetwork();
  await network.start();
  const providers: (ReturnType<typeof createFakeProvider> & { readonly network: Network })[] = [];
  for (const [index, engine] of engines.entries()) {
    const other = await hub.createNetwork();
    await other.start();
    const output = BigInt(MARKET_PRICE.outputPerMillion) + BigInt(index);
    const price = { ...MARKET_PRICE, outputPerMillion: output.toString() };
    const provider = createFakeProvider(other, {
      ...{ clock, engine, models: [{ ...OFFERED, price }], slots: streamsMax ?? 64 },
      ...(streamsMax !== undefined && { limits: limitsFor(streamsMax) }),
    });
    providers.push({ ...provider, network: other });
    await network.connect(other.addresses()[0] ?? '');
  }
  const gateway = await createFakeGateway(network, {
    ...{ clock, jobs },
    ...(streamsMax !== undefined && { payer: createFakePayer(streamsMax) }),
  });
  await gateway.directory.find(null);
  return {
    ...{ gateway, providers, network },
    async close() {
      await gateway.gateway.idle();
      await gateway.stop();
      await network.stop();
      for (const each of providers) await each.network.stop();
    },
  };
}

/** Limits that as many streams of one peer keep. */
function limitsFor(streamsMax: number): Partial<ProviderLimits> {
  // For each stream, a request opens a channel and another one is the answer's.
  const free = { freePerPeerMax: streamsMax * 2, freePerSubnetMax: streamsMax * 2 };
  const per = { perPeerMax: streamsMax, perSubnetMax: streamsMax, ...free };
  const bodies = { bodiesMax: streamsMax, bodiesPerPeerMax: streamsMax };
  const unproven = { unprovenBodiesMax: streamsMax, unprovenBodiesPerPeerMax: streamsMax };
  const channels = { channelRequestsMax: streamsMax, channelRequestsPerPeerMax: streamsMax };
  return {
    ...per,
    ...bodies,
    ...unproven,
    ...channels,
    chainWorkPerPeerMax: streamsMax,
    chainWorkMax: streamsMax,
  };
}

function openBooks(clock: Clock) {
  const database = openDatabase(':memory:');
  const { records, durability } = database;
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records: database.jobs, store: records, ledger, clock, durability });
  return { database, records, ledger, jobs };
}

/** Takes payments on the chain. */
async function openPayments(
  chain: PracticeChain,
  {
    network = {},
    clock = systemClock,
    hasGas = true,
    depositMin = amount(100),
    collectTimeouts,
  }: StorefrontMarketOptions,
  { ledger, records }: Pick<ReturnType<typeof openBooks>, 'ledger' | 'records'>,
) {
  const selling = await makeAccounts();
  if (hasGas) await chain.fund(selling.gas.address, amount(0));
  const provider = await openProvider(chain, selling, { network, depositMin });
  const { channels, node } = provider;
  const customers = createCustomerAccounts({
    ledger,
    endLeft: () => undefined,
    assetId: chain.network.token.id,
    concurrentMax: 16,
  });
  const { sender } = channels.options;
  const shared = { network: node.network, store: records, clock };
  const collection = createExactCollection({
    ...{ ...shared, arrived: customers.arrived, reader: node, own: createFacilitator(node.network, sender) },
    ...(collectTimeouts && { timeouts: collectTimeouts }),
  });
  const log = createRecordingLog();
  const credit = createUptoCredit(clock, node.network.token.decimals);
  const upto = createUptoSettlement({
    ...{ ...shared, sender, log },
    paidLate(payment, used) {
      customers.paidLate(payment, used);
      credit.regain(payment.reference);
    },
  });
  const gateFor = (url: string) =>
    createSaleGate({
      ...{ channels, collection, settlement: upto, credit, customers, recoverSigner, clock },
      listing: (path) => listingOf(url, path, MODEL),
    });
  return { selling, customers, collection, upto, log, gateFor, ...provider };
}

export async function openStorefrontMarket(chain: PracticeChain, options: StorefrontMarketOptions = {}) {
  const { clock = systemClock, proxies = [], around = (gate) => gate } = options;
  const books = openBooks(clock);
  const { records, ledger, jobs } = books;
  const behind = await openMarketBehind(options, jobs);
  const payments = await openPayments(chain, options, books);
  const faults: unknown[] = [];
  const onUnexpected = (error: unknown) => `incident-${faults.push(error)}`;
  const keys = createCustomerKeys({
    records,
    clock,
    ledger,
    assetId: chain.network.token.id,
    log: createRecordingLog(),
  });
  const blocks = createBlockList(records, clock);
  const reports = createAbuseReports(records, clock);
  const later: { app?: ReturnType<typeof createStorefront> } = {};
  const { server } = createPublicServer(
    {
      fetch: async (request, environment) =>
        later.app?.fetch(request, environment) ?? new Response('starting'),
    },
    { proxies, tls: null, onCertificateFault: (cause) => faults.push(cause) },
  );
  const url = `http://127.0.0.1:${await listenHttp(server, { host: '127.0.0.1', port: 0 })}`;
  const gate = around(payments.gateFor(url), payments.customers);
  const terms = { marginPercent: () => MARGIN_PERCENT, slots: 1_024 };
  const { directory } = behind.gateway;
  const { key } = behind.network;
  const offers = createMarketOffers({
    ...{ key, clock, gate, networkId: chain.network.id, ...terms, providers: directory.providers },
    accepts: () => true,
  });
  const { answers } = behind.gateway.gateway;
  const service = createProviderService({
    engines: createMarketEngines({ answers, find: offers.find, ...terms }),
    gate: refuseBlocked(gate, blocks),
    ...{ key, clock, jobs, offers, onUnexpected },
    limits: STOREFRONT_LIMITS,
    presence: () => ({ decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null }),
    onCharged: () => undefined,
  });
  later.app = createStorefront({
    ...{ provider: service, offers, customers: keys, blocks, reports, clock, publicUrl: url, onUnexpected },
    certificate: () => null,
    serveTool: (tool) => createPaidToolServer(tool, { name: 'test', version: '1.0.0' }),
  });
  return {
    ...{ chain, url, ledger, jobs, records, keys, blocks, reports, service, faults, ...payments, gate },
    ...{ market: behind.gateway, providers: behind.providers, peer: key.peer, key, app: later.app },
    async buyer(token?: bigint): Promise<WalletAccounts> {
      const accounts = await makeAccounts();
      await chain.fund(accounts.funds.address, ...(token === undefined ? [] : [amount(token)]));
      return accounts;
    },
    async close() {
      await closeHttp(server);
      await service.close(0);
      await behind.close();
      jobs.stop();
      books.database.close();
    },
  };
}
