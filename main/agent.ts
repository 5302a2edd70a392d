/**
 * The composition: the one place where the core meets its adapters, in the order in which things need each
 * other. Every profile and both roles run this same code; the practice requester is an agent that serves
 * nothing.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RPCHandler as PortHandler } from '@orpc/server/message-port';
import { RPCHandler as SocketHandler } from '@orpc/server/ws';
import type { Notice } from '../shared/api/state.ts';
import { forceUnwrap } from '../shared/assert.ts';
import type { AgentReady, PortRole } from '../shared/host.ts';
import { VERSION } from '../shared/version.ts';
import { createNetwork } from './adapters/libp2p/index.ts';
import { type GatewayAddress, openBuying } from './agent/buying.ts';
import type { AgentConfig, Surroundings } from './agent/config.ts';
import type { ApiPort } from './agent/desktop-host.ts';
import { openForecasting } from './agent/forecasting.ts';
import { openFoundation } from './agent/foundation.ts';
import { createHourly } from './agent/hourly.ts';
import { openMoney } from './agent/money.ts';
import { startPracticeRequester } from './agent/practice-requester.ts';
import { termsOf } from './agent/profiles.ts';
import { openSelling } from './agent/selling.ts';
import { sectionReaders } from './agent/state-sections.ts';
import { openTerminalAccess } from './agent/terminal-access.ts';
import { startPageServer } from './api/page-server.ts';
import { createRouter } from './api/router.ts';
import { createShellLink } from './api/shell-link.ts';
import { createStateHub, type StateHub } from './api/state-hub.ts';
import { startRequester } from './core/practice/index.ts';
import { systemClock } from './ports/clock.ts';
import type { Engine } from './ports/engine.ts';
import type { Inventory, MachineReadings } from './ports/machine.ts';
import type { Network } from './ports/network.ts';

export type { AgentConfig } from './agent/config.ts';

export interface AgentHooks {
  /** The shell asked for the end. */
  readonly quit: () => void;
}

export interface Agent {
  readonly ready: AgentReady;
  /** Serves the API on a port that the desktop shell handed over. */
  attach(port: ApiPort, role: PortRole): void;
  /** For benchmarks that drive the same engine directly. */
  readonly engine: Engine;
  /** Hands back running jobs and closes everything, in order. */
  stop(): Promise<void>;
}

const READINGS_INTERVAL_MS = 5_000;
const REQUESTER_PACE_MS = 12_000;
const WAIT_FOR_PEERS_MS_MAX = 30_000;
const REDIAL_MS = 500;
const PAGES_FOLDER = join(import.meta.dirname, '..', 'dist', 'renderer');

export async function createAgent(config: AgentConfig, hooks: AgentHooks): Promise<Agent> {
  const closers: (() => void | Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        // What cannot be closed must not keep the rest open: the database comes last.
        fault(error);
      }
    }
  };
  try {
    return { ...(await compose(config, hooks, (close) => closers.push(close))), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(
  config: AgentConfig,
  hooks: AgentHooks,
  onClose: Surroundings['onClose'],
): Promise<Omit<Agent, 'stop'>> {
  const clock = systemClock;
  const startedAtMs = clock.now();
  const terms = termsOf(config.profile, config.network ?? null);
  const notices = new Map<Notice['code'], Notice>();
  let hub: StateHub | null = null;
  const surroundings: Surroundings = {
    config,
    terms,
    serves: config.role === 'owner',
    clock,
    onClose,
    changed: (...sections) => hub?.changed(...sections),
    notice(code, entry) {
      if (entry === null && !notices.delete(code)) return;
      if (entry !== null) notices.set(code, { code, ...entry });
      hub?.changed('app');
    },
    fault,
  };
  const { serves, changed, notice } = surroundings;

  const foundation = openFoundation(surroundings);
  const money = await openMoney(surroundings, foundation);
  const network = await createNetwork({
    folder: foundation.paths.keys,
    listen: terms.listen,
    clock,
    mdns: terms.mdns,
  });
  await network.start();
  onClose(() => network.stop());
  network.onPeers(() => changed('network'));
  const shell = createShellLink();
  const selling = openSelling(surroundings, foundation, money, network, shell);
  const buys = !serves || config.profile !== 'practice';
  const buying = buys ? await openBuying(surroundings, foundation, money, network) : null;
  let gateway: GatewayAddress | null = buying?.gateway ?? null;
  for (const address of config.connect) await connectPatiently(network, address);

  // What people see.
  let inventory: Inventory | null = null;
  let readings: MachineReadings | null = null;
  const pages = createStateHub({
    clock,
    readers: sectionReaders({
      version: VERSION,
      profile: config.profile,
      host: config.host,
      startedAtMs,
      clock,
      notices: () => [...notices.values()],
      ...foundation,
      ...selling,
      activeJobs: selling.provider.active,
      settlement: money.settlement,
      perHour: createHourly({
        ...foundation,
        clock,
        assetId: money.chain.token.id,
        coinId: money.chain.coin.id,
      }),
      inventory: () => inventory,
      readings: () => readings,
      balances: money.balances,
      chain: money.chain,
      networkName: terms.networkName,
      wallet: money.wallet,
      network,
      gateway: () => gateway,
    }),
  });
  hub = pages;
  onClose(() => pages.close());
  void selling.machine.inventory().then((found) => {
    inventory = found;
    changed('machine');
  }, fault);
  const readMachine = async () => {
    readings = await selling.machine.readings();
    changed('machine', 'network');
  };
  const machineTimer = clock.every(READINGS_INTERVAL_MS, () => {
    if (pages.watched()) void readMachine().catch(fault);
  });
  onClose(() => machineTimer.cancel());
  await money.refreshBalances();
  money.start(pages.watched);

  const forecasts = openForecasting({
    profile: config.profile,
    clock,
    foundation,
    money,
    selling,
    directory: buying?.directory ?? null,
    onClose,
  });
  const router = createRouter({
    forecasts,
    hub: pages,
    ...foundation,
    ...selling,
    settlement: money.settlement,
    activateModel: selling.serving.activate,
    refreshBalances: money.refreshBalances,
    spending: money.spending,
    confirmations: money.confirmations,
    secrets: money.secrets,
    shell,
    assetId: money.chain.token.id,
    coinId: money.chain.coin.id,
    quit: hooks.quit,
  });
  onClose(
    money.confirmations.onAsked((id, summary) => {
      if (shell.connected()) shell.tell({ type: 'confirm-spend', id, summary });
    }),
  );
  const page = config.host === 'headless' ? await servePages() : null;

  async function servePages(): Promise<NonNullable<AgentReady['page']>> {
    const token = randomBytes(24).toString('hex');
    const terminalToken = randomBytes(24).toString('hex');
    const handler = new SocketHandler(router);
    const server = await startPageServer({
      port: config.pagePort,
      token,
      terminalToken,
      folder: PAGES_FOLDER,
      onConnection: (socket, role) => void handler.upgrade(socket, { context: { role } }).catch(fault),
    });
    onClose(() => server.close());
    onClose(openTerminalAccess(foundation.paths.root, { url: server.url, token: terminalToken }));
    return { url: server.url, token };
  }

  // The practice network's customer: a second process that knows two addresses, or that process itself.
  let requester: AgentReady | null = null;
  if (serves && config.profile === 'practice') {
    const second = startPracticeRequester({
      entry: config.entry,
      home: foundation.paths.requester,
      connect: forceUnwrap('a started network has an address', network.addresses()[0]),
      rpcUrl: money.chain.rpcUrl,
      gatewayPort: config.gatewayPort,
      quiet: config.quietRequester,
      logLevel: config.logLevel,
      clock,
      onGaveUp: (cause) => notice('practice-requester-stopped', { severity: 'error', details: { cause } }),
    });
    onClose(() => second.stop());
    requester = await second.started;
    gateway = requester.gateway;
  }
  if (!serves && gateway !== null && !config.quietRequester) {
    const asking = startRequester({ gateway, clock, seed: clock.now(), paceMs: REQUESTER_PACE_MS, fetch });
    onClose(() => asking.stop());
  }
  selling.start();

  const portHandler = new PortHandler(router);
  return {
    ready: {
      pid: process.pid,
      home: foundation.paths.root,
      profile: config.profile,
      page,
      gateway,
      peer: { id: network.key.peer, addresses: [...network.addresses()] },
      chain: { id: money.chain.id, rpcUrl: money.chain.rpcUrl, token: money.chain.token.address },
      requester: requester?.page ? { pid: requester.pid, page: requester.page } : null,
    },
    attach: (port, role) => portHandler.upgrade(port, { context: { role } }),
    engine: selling.engine,
  };
}

/** A peer that is being started is not there at once. */
async function connectPatiently(network: Network, address: string): Promise<void> {
  const deadline = systemClock.monotonic() + WAIT_FOR_PEERS_MS_MAX;
  for (;;) {
    try {
      await network.connect(address);
      return;
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error;
      await sleep(REDIAL_MS);
    }
  }
}

function fault(error: unknown): void {
  console.error('idlewatt:', error instanceof Error ? (error.stack ?? error.message) : error);
}
