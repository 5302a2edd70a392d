/**
 * Runs a public node: it helps machines of the open market to find and, as a relay, to reach each other. It has a peer key
 * and a log, but no models or pages, and a wallet and a ledger only if it charges.
 */
import { AppError } from '../../shared/errors.ts';
import type { AgentReady } from '../../shared/host.ts';
import { amount } from '../../shared/money.ts';
import { PUBLIC_DHT_NODES } from '../../shared/public-dht.ts';
import { relayPriceSchema } from '../../shared/relaying.ts';
import { createPublicNode } from '../adapters/libp2p/index.ts';
import { acquireFileLock } from '../adapters/sqlite/index.ts';
import { openHome } from '../core/home/index.ts';
import { meetInPublic } from '../core/network/index.ts';
import { createClock } from '../ports/clock.ts';
import type { HomePaths } from '../ports/data-folder.ts';
import type { Log } from '../ports/log.ts';
import { createClosers } from './closers.ts';
import type { AgentConfig, PublicRole } from './config.ts';
import { logFault, openAgentLog } from './log.ts';
import { serveMetrics } from './metrics.ts';
import type { openPaidRelay, PaidRelay } from './paid-relay.ts';
import { checkPeerAddresses } from './peer-addresses.ts';

export interface PublicNodeHooks {
  /** Called once the log is open: from then on, `stop` closes everything in order. */
  readonly onOpened?: (opened: {
    readonly log: Log;
    readonly stop: (reason: string) => Promise<void>;
  }) => void;
}

/** Fails with `bad-request`, `home-in-use`, `keystore-missing` or `port-in-use`. */
export async function openPublicNode(
  config: AgentConfig,
  role: PublicRole,
  hooks: PublicNodeHooks,
): Promise<{ readonly ready: AgentReady }> {
  checkOptions(config, role);
  const home = openHome({ root: config.home, network: null, acquireLock: acquireFileLock, pid: process.pid });
  const { log, close: closeLog } = openAgentLog(config, home.paths.logs);
  const closers = createClosers(log.child('start'));
  let stopped: Promise<void> | null = null;
  const stop = (reason: string) => {
    stopped ??= closeAll(reason);
    return stopped;
  };
  async function closeAll(reason: string): Promise<void> {
    log.child('start').info('The public node is stopping', { reason });
    await closers.closeAll();
    closeLog();
    home.close();
  }
  hooks.onOpened?.({ log, stop });
  try {
    const clock = createClock(logFault(log.child('clock'), 'A timer callback failed'));
    const paid = await openPaid({ config, clock, log, onClose: (close) => closers.add(close) }, home.paths);
    const node = await createPublicNode({
      folder: home.paths.keys,
      listen: config.listen ?? [],
      announce: config.announce ?? [],
      bootstrap: config.bootstrap ?? [],
      isRelay: role === 'relay',
      ...(paid && { meter: paid.meter }),
      ...(config.publicDht && { publicDht: PUBLIC_DHT_NODES }),
      clock,
      log: log.child('peers'),
    });
    await node.start();
    closers.add(() => node.stop());
    paid?.serve(node);
    closers.add(meetInPublic({ network: null, market: node.market, clock, log: log.child('market') }));
    const metrics = await serveMetrics(() => node.metrics(), config.metricsPort ?? null, closers.add);
    const addresses = [...node.addresses()];
    log.child('start').info('The public node is ready', { role, peer: node.peer, addresses });
    return { ready: readyOf(config, home.paths.root, { id: node.peer, addresses }, metrics) };
  } catch (error) {
    log.child('start').info('The public node could not start', { cause: String(error) });
    await stop('could not start');
    throw error;
  }
}

/** Null for a node that is free: it loads no code for a wallet and a ledger. */
async function openPaid(
  given: Parameters<typeof openPaidRelay>[0],
  paths: HomePaths,
): Promise<PaidRelay | null> {
  const price = amount(given.config.relayPrice ?? '0');
  if (price === 0n) return null;
  const { openPaidRelay } = await import('./paid-relay.ts');
  return openPaidRelay(given, paths, price);
}

/** Checks the options before anything is opened. Fails with `bad-request`. */
export function checkRelayPrice({ relayPrice = null, role, profile }: AgentConfig): void {
  if (relayPrice === null) return;
  if (role !== 'relay' || profile === 'office')
    throw new AppError('bad-request', '--relay-price requires --role relay and --profile open.');
  if (relayPriceSchema.safeParse(relayPrice).success) return;
  throw new AppError(
    'bad-request',
    `Invalid --relay-price "${relayPrice}". Use base units of USDC per megabyte, for example 20.`,
  );
}

function checkOptions(config: AgentConfig, role: PublicRole): void {
  checkPeerAddresses(config, true);
  checkRelayPrice(config);
  const { listen = [], announce = [], host } = config;
  if (host === 'desktop')
    throw new AppError('bad-request', `--role ${role} requires --headless: it has no pages.`);
  if (listen.length > 0 && announce.length > 0) return;
  throw new AppError(
    'bad-request',
    `--role ${role} requires --listen and --announce, for example --listen /ip4/0.0.0.0/tcp/4001 --announce ` +
      '/ip4/203.0.113.5/tcp/4001: peers store the announced address.',
  );
}

function readyOf(
  { profile }: AgentConfig,
  home: string,
  peer: AgentReady['peer'],
  metrics: string | null,
): AgentReady {
  return {
    ...{ pid: process.pid, home, profile, peer },
    ...{ page: null, gateway: null, chain: null, requester: null },
    ...(metrics !== null && { metrics }),
  };
}
