/** Opens the storefront: buys on the market what strangers buy over HTTP, and takes their payments. */
import { AppError } from '../../shared/errors.ts';
import type { AgentReady } from '../../shared/host.ts';
import type { Presence } from '../../shared/presence.ts';
import { VERSION } from '../../shared/version.ts';
import { closeHttp, createPublicServer, listenHttp } from '../adapters/http/index.ts';
import { createPaidToolServer } from '../adapters/mcp/index.ts';
import { recoverSigner } from '../adapters/secp256k1/index.ts';
import {
  createExactCollection,
  createFacilitator,
  createSaleGate,
  createUptoSettlement,
  type SaleGate,
} from '../adapters/x402/index.ts';
import { createProviderService, type ProviderLimits, type ProviderService } from '../core/provider/index.ts';
import {
  type AbuseReports,
  type BlockList,
  type CustomerKeys,
  createAbuseReports,
  createBlockList,
  createCustomerAccounts,
  createCustomerKeys,
  createMarketEngines,
  createMarketOffers,
  createStorefront,
  listingOf,
  type MarketOffers,
  refuseBlocked,
} from '../core/storefront/index.ts';
import type { Network } from '../ports/network.ts';
import type { openBuying } from './buying.ts';
import type { WebConfig } from './config.ts';
import type { Foundation } from './foundation.ts';
import { logFault } from './log.ts';
import { serveMetrics } from './metrics.ts';
import type { Money } from './money.ts';
import { createStorefrontMetrics } from './storefront-metrics.ts';
import type { Surroundings } from './surroundings.ts';
import { type ListenAddress, readListen, urlHost } from './web-address.ts';

export interface StorefrontParts {
  readonly foundation: Foundation;
  readonly money: Money;
  readonly network: Pick<Network, 'key'>;
  readonly buying: Pick<Awaited<ReturnType<typeof openBuying>>, 'answers' | 'directory' | 'accepts'>;
}

export interface OpenStorefront {
  /** Its address, and that of its metrics on loopback, if the owner asked for them. */
  readonly ready: Required<Pick<AgentReady, 'storefront'>> & Pick<AgentReady, 'metrics'>;
  /** Address that it names to buyers. */
  readonly publicUrl: string;
  readonly customers: CustomerKeys;
  readonly blocks: BlockList;
  readonly reports: AbuseReports;
}

/** Answers of one model that are bought at a time; each is a stream and a channel at its provider. */
const SLOTS = 1_024;
/** Requests of one customer or payer in progress. */
const CUSTOMER_CONCURRENT_MAX = 64;
/**
 * Limits for visitors instead of peers. Each payment is worth more than its fee, so transactions are limited by money;
 * what is refused stays limited as for peers.
 */
const LIMITS: Partial<ProviderLimits> = {
  waitingMax: 0,
  perPeerMax: 64,
  perSubnetMax: 256,
  channelRequestsPerPeerMax: 8,
  chainWorkPerPeerMax: 60,
  chainWorkMax: 2_000,
  bodiesMax: 256,
  bodiesPerPeerMax: 16,
  unprovenBodiesMax: 64,
  unprovenBodiesPerPeerMax: 4,
};
const LATE_PAYMENTS_MS = 60_000;
const CERTIFICATE_MS = 60_000;
const STOP_GRACE_MS = 1_000;
const ANY_LOOPBACK_PORT: ListenAddress = { host: '127.0.0.1', port: 0 };
const ALWAYS: Presence = { decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null };

/** Fails with `bad-request` or `port-in-use`. */
export async function openStorefront(
  surroundings: Surroundings,
  parts: StorefrontParts,
  web: WebConfig,
): Promise<OpenStorefront> {
  const { config, clock, onClose, log } = surroundings;
  const { records, ledger } = parts.foundation;
  const own = log.child('storefront');
  const listen = web.listen === null ? ANY_LOOPBACK_PORT : readListen(web.listen, '--web-listen');
  const assetId = parts.money.chain.token.id;
  const customers = createCustomerKeys({ records, clock, ledger, assetId, log: own });
  const blocks = createBlockList(records, clock);
  const reports = createAbuseReports(records, clock);
  const metrics = createStorefrontMetrics();
  const later: { app?: ReturnType<typeof createStorefront> } = {};
  const { server, renewCertificate } = createPublicServer(
    { fetch: async (request, environment) => later.app?.fetch(request, environment) ?? starting() },
    {
      proxies: web.proxies,
      tls: readTls(web),
      onCertificateFault: logFault(own, 'The certificate could not be read again'),
    },
  );
  const port = await listenHttp(server, { ...listen, option: '--web-listen' });
  const address = `${web.certFile === null ? 'http' : 'https'}://${urlHost(listen.host)}:${port}`;
  const publicUrl = readPublicUrl(web.publicUrl) ?? address;
  const { service, offers } = openSales(surroundings, parts, { blocks, publicUrl });
  later.app = createStorefront({
    ...{ provider: service, offers, customers, blocks, reports, clock, publicUrl },
    serveTool: (tool) => createPaidToolServer(tool, { name: 'idlewatt-storefront', version: VERSION }),
    onAnswered: metrics.noteAnswer,
    onUnexpected: (error) => own.error('A request failed unexpectedly', error),
  });
  onClose(() => closeHttp(server));
  onClose(() => service.close(STOP_GRACE_MS));
  const renewing = clock.every(CERTIFICATE_MS, renewCertificate);
  onClose(() => renewing.cancel());
  const metricsUrl = await serveMetrics(
    () => metrics.write({ active: service.active().length, customers: customers.list().length }),
    config.metricsPort ?? null,
    onClose,
  );
  own.info('Storefront ready', { address, publicUrl });
  return {
    ready: { storefront: address, ...(metricsUrl !== null && { metrics: metricsUrl }) },
    ...{ publicUrl, customers, blocks, reports },
  };
}

/** Opens the service that sells, and what it sells. */
function openSales(
  surroundings: Surroundings,
  { foundation, money, network, buying }: StorefrontParts,
  { blocks, publicUrl }: { readonly blocks: BlockList; readonly publicUrl: string },
): { readonly service: ProviderService; readonly offers: MarketOffers } {
  const { clock, changed, log } = surroundings;
  const { jobs, settings } = foundation;
  const marginPercent = () => settings.get().storefrontMarginPercent;
  const first = () => offers.first();
  const gate = openGate(surroundings, { foundation, money }, (path) => listingOf(publicUrl, path, first()));
  const offers = createMarketOffers({
    ...{ key: network.key, clock, gate, networkId: money.chain.id, marginPercent, slots: SLOTS },
    providers: buying.directory.providers,
    accepts: buying.accepts,
  });
  const service = createProviderService({
    engines: createMarketEngines({ answers: buying.answers, find: offers.find, marginPercent, slots: SLOTS }),
    gate: refuseBlocked(gate, blocks),
    key: network.key,
    ...{ clock, jobs, offers, limits: LIMITS },
    presence: () => ALWAYS,
    onCharged: () => changed('money'),
    onActive: () => changed('work'),
    onUnexpected: (error) => log.child('storefront').error('A sale failed unexpectedly', error),
  });
  return { service, offers };
}

function openGate(
  { clock, onClose, log }: Surroundings,
  { foundation, money }: Pick<StorefrontParts, 'foundation' | 'money'>,
  listing: Parameters<typeof createSaleGate>[0]['listing'],
): SaleGate {
  const { chain, node, channels, sender } = money;
  const customers = createCustomerAccounts({
    ledger: foundation.ledger,
    assetId: chain.token.id,
    concurrentMax: CUSTOMER_CONCURRENT_MAX,
  });
  const onChain = {
    ...{ network: chain, reader: node, own: createFacilitator(chain, sender) },
    ...{ store: foundation.records, clock, arrived: customers.arrived },
  };
  const collection = createExactCollection(onChain);
  const settlement = createUptoSettlement(onChain);
  const gate = createSaleGate({ channels, collection, settlement, customers, recoverSigner, clock, listing });
  const report = logFault(
    log.child('storefront'),
    'Payments that may have arrived late could not be looked up',
  );
  const look = () => {
    gate.forgetExpired();
    void Promise.all([collection.findLate(), settlement.findLate()]).catch(report);
  };
  look();
  const looking = clock.every(LATE_PAYMENTS_MS, look);
  onClose(() => looking.cancel());
  return gate;
}

function readPublicUrl(text: string | null): string | null {
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.search === '' && url.hash === '') {
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  }
  throw new AppError(
    'bad-request',
    `Invalid --public-url "${text}". Use an address such as https://ai.example.com.`,
  );
}

function readTls({ certFile, keyFile }: WebConfig) {
  if (certFile === null && keyFile === null) return null;
  if (certFile !== null && keyFile !== null) return { certFile, keyFile };
  throw new AppError('bad-request', '--tls-cert and --tls-key are used together.');
}

function starting(): Response {
  return Response.json(
    { error: { message: 'The storefront is starting.' } },
    { status: 503, headers: { 'retry-after': '5' } },
  );
}
