/** Opens the storefront: buys on the market what strangers buy over HTTP, and takes their payments. */
import { AppError } from '../../shared/errors.ts';
import type { AgentReady } from '../../shared/host.ts';
import { type Asset, plainAsset } from '../../shared/money.ts';
import type { Presence } from '../../shared/presence.ts';
import type { CertificateState } from '../../shared/storefront.ts';
import { VERSION } from '../../shared/version.ts';
import { withChecksum } from '../adapters/ethers/index.ts';
import { createPublicServer, listenHttp, type PublicHandler } from '../adapters/http/index.ts';
import { createPaidToolServer } from '../adapters/mcp/index.ts';
import { recoverSigner } from '../adapters/secp256k1/index.ts';
import {
  createExactCollection,
  createFacilitator,
  createSaleGate,
  createUptoCredit,
  createUptoSettlement,
  type SaleGate,
} from '../adapters/x402/index.ts';
import { createProviderService, type ProviderService } from '../core/provider/index.ts';
import {
  type AbuseReports,
  type BlockList,
  type CustomerKeys,
  type CustomerList,
  type CustomerPayouts,
  createAbuseReports,
  createBlockList,
  createCustomerAccounts,
  createCustomerKeys,
  createCustomerPayouts,
  createMarketEngines,
  createMarketOffers,
  createStorefront,
  keepOffers,
  listCustomers,
  listingOf,
  type MarketOffers,
  refuseBlocked,
  STOREFRONT_LIMITS,
} from '../core/storefront/index.ts';
import type { Network } from '../ports/network.ts';
import type { openBuying } from './buying.ts';
import type { WebConfig } from './config.ts';
import type { Foundation } from './foundation.ts';
import { logFault } from './log.ts';
import { serveMetrics } from './metrics.ts';
import type { Money } from './money.ts';
import { keepCertificate, readAcme } from './storefront-certificate.ts';
import { createStorefrontMetrics } from './storefront-metrics.ts';
import type { Surroundings } from './surroundings.ts';
import { type ListenAddress, readListen, urlHost } from './web-address.ts';

export interface StorefrontParts {
  readonly foundation: Foundation;
  readonly money: Money;
  readonly network: Pick<Network, 'key'>;
  readonly buying: Pick<Awaited<ReturnType<typeof openBuying>>, 'answers' | 'directory' | 'accepts'>;
}

/** Payments and debts of strangers. Made once: it outlasts a storefront that is closed and opened again. */
export type Takings = ReturnType<typeof createTakings>;

export interface OpenStorefront {
  /** Its address, and that of its metrics on loopback, if the owner asked for them. */
  readonly ready: Required<Pick<AgentReady, 'storefront'>> & Pick<AgentReady, 'metrics'>;
  /** Address that it names to buyers. */
  readonly publicUrl: string;
  /** Of its balances. */
  readonly asset: Asset;
  readonly customers: CustomerKeys;
  /** Customers with what they have used, and payers on the chain. */
  readonly listCustomers: () => CustomerList;
  readonly payouts: CustomerPayouts;
  readonly blocks: BlockList;
  readonly reports: AbuseReports;
  /** State of a certificate by ACME; null without one. */
  readonly certificate: () => CertificateState | null;
}

/** Answers of one model that are bought at a time; each is a stream and a channel at its provider. */
const SLOTS = 1_024;
/** Requests of one customer or payer in progress. */
const CUSTOMER_CONCURRENT_MAX = 64;
const LATE_PAYMENTS_MS = 60_000;
const CERTIFICATE_MS = 60_000;
const STOP_GRACE_MS = 1_000;
const ANY_LOOPBACK_PORT: ListenAddress = { host: '127.0.0.1', port: 0 };
const ALWAYS: Presence = { decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null };

/** Fails with `bad-request` or `port-in-use`. */
export async function openStorefront(
  surroundings: Surroundings,
  parts: StorefrontParts & { readonly takings: Takings },
  web: WebConfig,
): Promise<OpenStorefront> {
  const { config, clock, onClose, log } = surroundings;
  const { records } = parts.foundation;
  const own = log.child('storefront');
  const customers = parts.takings.keys;
  const blocks = createBlockList(records, clock);
  const reports = createAbuseReports(records, clock);
  const metrics = createStorefrontMetrics();
  const later: { app?: ReturnType<typeof createStorefront> } = {};
  const { address, publicUrl, certificate } = await openServer(surroundings, parts, web, {
    fetch: async (request, environment) => later.app?.fetch(request, environment) ?? starting(),
  });
  const { service, offers } = openSales(surroundings, parts, { blocks, publicUrl });
  later.app = createStorefront({
    ...{ provider: service, offers, customers, blocks, reports, clock, publicUrl, certificate },
    serveTool: (tool) => createPaidToolServer(tool, { name: 'idlewatt-storefront', version: VERSION }),
    onAnswered: metrics.noteAnswer,
    onUnexpected: (error) => own.error('A request failed unexpectedly', error),
  });
  onClose(() => service.close(STOP_GRACE_MS));
  const now = () => ({
    active: service.active().length,
    customers: customers.list().length,
    certificateExpiresAtMs: certificate()?.expiresAtMs ?? null,
  });
  const metricsUrl = await serveMetrics(() => metrics.write(now()), config.metricsPort ?? null, onClose);
  own.info('Storefront ready', { address, publicUrl });
  return {
    ready: { storefront: address, ...(metricsUrl !== null && { metrics: metricsUrl }) },
    ...{
      publicUrl,
      asset: plainAsset(parts.money.chain.token),
      customers,
      blocks,
      reports,
      certificate,
      payouts: parts.takings.payouts,
    },
    listCustomers: () => listCustomers({ ...parts.foundation, keys: customers }),
  };
}

/** Listens, and keeps the certificate up to date. */
async function openServer(
  surroundings: Surroundings,
  { foundation }: Pick<StorefrontParts, 'foundation'>,
  web: WebConfig,
  handler: PublicHandler,
): Promise<Pick<OpenStorefront, 'publicUrl' | 'certificate'> & { readonly address: string }> {
  const { clock, onClose } = surroundings;
  const log = surroundings.log.child('storefront');
  const listen = web.listen === null ? ANY_LOOPBACK_PORT : readListen(web.listen, '--web-listen');
  const acme = readAcme(web);
  const made = createPublicServer(handler, {
    proxies: web.proxies,
    tls: acme === null ? readTls(web) : 'given',
    onCertificateFault: logFault(log, 'The certificate could not be read again'),
  });
  const ownUrl = readPublicUrl(web.publicUrl);
  const port = await listenHttp(made.server, { ...listen, option: '--web-listen' });
  onClose(made.close);
  const isSecure = acme !== null || web.certFile !== null;
  const address = `${isSecure ? 'https' : 'http'}://${urlHost(listen.host)}:${port}`;
  if (acme === null) {
    const renewing = clock.every(CERTIFICATE_MS, made.renewCertificate);
    onClose(() => renewing.cancel());
    return { address, publicUrl: ownUrl ?? address, certificate: () => null };
  }
  const keeper = await keepCertificate(surroundings, foundation, acme, { ...made, log });
  return { address, publicUrl: ownUrl ?? `https://${acme.domain}`, certificate: keeper.state };
}

/** Opens the service that sells, and what it sells. */
function openSales(
  surroundings: Surroundings,
  { foundation, money, network, buying, takings }: StorefrontParts & { readonly takings: Takings },
  { blocks, publicUrl }: { readonly blocks: BlockList; readonly publicUrl: string },
): { readonly service: ProviderService; readonly offers: MarketOffers } {
  const { clock, changed, log, onClose } = surroundings;
  const { jobs, settings } = foundation;
  const marginPercent = () => settings.get().storefrontMarginPercent;
  const first = () => offers.first();
  const gate = openGate(surroundings, { money }, takings, (path) => listingOf(publicUrl, path, first()));
  const offers = createMarketOffers({
    ...{ key: network.key, clock, gate, networkId: money.chain.id, marginPercent, slots: SLOTS },
    providers: buying.directory.providers,
    accepts: buying.accepts,
  });
  const onUnexpected = (error: unknown) =>
    log.child('storefront').error('Offers could not be searched', error);
  onClose(keepOffers({ directory: buying.directory, clock, onUnexpected }));
  const service = createProviderService({
    engines: createMarketEngines({ answers: buying.answers, find: offers.find, marginPercent, slots: SLOTS }),
    gate: refuseBlocked(gate, blocks),
    key: network.key,
    ...{ clock, jobs, offers, limits: STOREFRONT_LIMITS },
    presence: () => ALWAYS,
    onCharged: () => changed('money'),
    onActive: () => changed('work'),
    onUnexpected: (error) => log.child('storefront').error('A sale failed unexpectedly', error),
  });
  return { service, offers };
}

export function createTakings(
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
  { foundation, money }: Pick<StorefrontParts, 'foundation' | 'money'>,
) {
  const { chain, node, sender } = money;
  const customers = createCustomerAccounts({
    ledger: foundation.ledger,
    assetId: chain.token.id,
    endLeft: foundation.jobs.recoverLeftOf,
    concurrentMax: CUSTOMER_CONCURRENT_MAX,
  });
  const { ledger } = foundation;
  const ownLog = log.child('storefront');
  const keys = createCustomerKeys({
    ...{ records: foundation.records, clock, ledger, log: ownLog, assetId: chain.token.id },
  });
  const credit = createUptoCredit(clock, chain.token.decimals);
  const records = { network: chain, store: foundation.records, clock };
  const own = createFacilitator(chain, sender);
  return {
    customers,
    keys,
    payouts: createCustomerPayouts({
      ...{ accounts: customers, ledger, records: foundation.records, nameOf: keys.nameOf },
      ...{ wallet: money.spending, assetId: chain.token.id, log: ownLog },
      withChecksum,
    }),
    collection: createExactCollection({ ...records, arrived: customers.arrived, reader: node, own }),
    settlement: createUptoSettlement({
      ...{ ...records, sender, log: ownLog },
      paidLate(payment, used) {
        customers.paidLate(payment, used);
        credit.regain(payment.reference);
      },
    }),
    credit,
  };
}

function openGate(
  { clock, onClose, log }: Surroundings,
  { money }: Pick<StorefrontParts, 'money'>,
  takings: Takings,
  listing: Parameters<typeof createSaleGate>[0]['listing'],
): SaleGate {
  const { collection, settlement, payouts } = takings;
  const gate = createSaleGate({ ...takings, channels: money.channels, recoverSigner, clock, listing });
  const report = logFault(
    log.child('storefront'),
    'Payments that may have arrived late, or payouts, could not be looked up',
  );
  const look = () => {
    gate.forgetExpired();
    void Promise.all([collection.findLate(), settlement.findLate(), payouts.settle()]).catch(report);
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
