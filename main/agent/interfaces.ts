/** Opens what people see and use: the state of the pages, the API, and a page server where there is no shell. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RPCHandler as SocketHandler } from '@orpc/server/ws';
import { isAppError } from '../../shared/errors.ts';
import type { AgentReady } from '../../shared/host.ts';
import { VERSION } from '../../shared/version.ts';
import { readAddress } from '../adapters/ethers/index.ts';
import { type PageServer, type PageServerOptions, startPageServer } from '../api/page-server.ts';
import {
  type ApiContext,
  createRouter,
  createStartupRouter,
  type ApiParts as RouterParts,
} from '../api/router.ts';
import type { ShellLink } from '../api/shell-link.ts';
import { createStateHub, type StateHub } from '../api/state-hub.ts';
import type { Batches } from '../core/batches/index.ts';
import type { Contacts } from '../core/contacts/index.ts';
import { createHourlyEarnings, type ForecastService } from '../core/forecast/index.ts';
import type { GatewayService } from '../core/gateway/index.ts';
import { createPairing, type Pairing } from '../core/pairing/index.ts';
import type { DepositReturns } from '../core/payments/index.ts';
import type { Doings } from '../core/presence/index.ts';
import type { Updates } from '../core/updates/index.ts';
import type { Network } from '../ports/network.ts';
import { createAbout } from './about.ts';
import type { GatewayAddress } from './buying.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { EarningsViews } from './earnings.ts';
import type { Foundation } from './foundation.ts';
import type { History } from './history/index.ts';
import type { Horde } from './horde.ts';
import { logFault } from './log.ts';
import { createMachineView } from './machine-view.ts';
import { createMaintenance } from './maintenance.ts';
import type { Money } from './money.ts';
import type { NetworkSwitch } from './network-choice.ts';
import type { OwnMachines } from './own-machines.ts';
import { openOutsideMembership } from './own-membership.ts';
import { openPairedBrowsers } from './paired-browsers.ts';
import type { OpenedNetwork } from './peers.ts';
import type { Selling } from './selling.ts';
import type { StartupProgress } from './startup.ts';
import { sectionReaders } from './state-sections.ts';
import type { StorefrontSwitch } from './storefront-switch.ts';
import type { Surroundings } from './surroundings.ts';
import { openTerminalAccess } from './terminal-access.ts';
import { type Upgrade, watchUpgrade } from './upgrade.ts';

export type Router = ReturnType<typeof createRouter>;

/** The built pages, as the source finds them. */
const PAGES_FOLDER = fileURLToPath(new URL('../../dist/renderer', import.meta.url));
/** The same, as the bundle in dist/agent finds them. */
const PAGES_BY_BUNDLE = fileURLToPath(new URL('../../../renderer', import.meta.url));

export interface StateParts {
  readonly networkSwitch: NetworkSwitch;
  readonly shell: ShellLink;
  readonly updates: Updates;
  readonly startedAtMs: number;
  readonly foundation: Foundation;
  readonly money: Money;
  readonly selling: Selling;
  readonly network: Network;
  readonly ways: OpenedNetwork['ways'];
  readonly contacts: Pick<Contacts, 'list'>;
  readonly gateway: () => GatewayAddress;
  readonly batches: () => Batches;
  readonly horde: Horde;
  readonly storefront: Pick<StorefrontSwitch, 'state'>;
  /** Undefined where nothing listens. */
  readonly bittensor: AgentReady['bittensor'];
  readonly changes: ChangeFeed;
  readonly machines: Pick<OwnMachines, 'roster' | 'watch'> | null;
}

export function openState(surroundings: Surroundings, parts: StateParts): StateHub {
  const { config, terms, clock, notices, onClose } = surroundings;
  const { foundation, money, selling } = parts;
  const switches = { networkSwitch: parts.networkSwitch, shell: parts.shell, updates: parts.updates };
  const machine = createMachineView(surroundings, selling.engine.machine);
  const hub = createStateHub({
    clock,
    readers: sectionReaders({
      app: { version: VERSION, config, startedAtMs: parts.startedAtMs, notices, ...switches },
      foundation,
      money,
      selling,
      network: parts.network,
      ways: parts.ways,
      contacts: parts.contacts,
      networkName: terms.networkName,
      gateway: parts.gateway,
      batches: parts.batches,
      horde: parts.horde,
      storefront: parts.storefront,
      bittensor: parts.bittensor ?? { url: null, hotkey: null },
      machines: parts.machines,
      machine,
      perHour: createHourlyEarnings({
        ledger: foundation.ledger,
        usage: foundation.usage,
        clock,
        assetId: money.chain.token.id,
        coinId: money.chain.coin.id,
      }),
      nowMs: () => clock.now(),
    }),
  });
  parts.changes.onChange((...sections) => hub.changed(...sections));
  onClose(() => hub.close());
  machine.start(
    () => hub.watched(),
    () => selling.provider.active().length > 0,
  );
  return hub;
}

export interface ApiParts {
  readonly hub: StateHub;
  readonly foundation: Foundation;
  readonly money: Money;
  readonly selling: Selling;
  readonly forecasts: ForecastService;
  readonly doings: Doings;
  readonly incomes: RouterParts['incomes'];
  readonly earnings: EarningsViews;
  readonly history: History;
  readonly depositReturns: DepositReturns;
  readonly buying: RouterParts['buying'] &
    Pick<RouterParts, 'batches' | 'checkOf'> & {
      readonly service: Pick<GatewayService, 'active' | 'refuseRequests'>;
    };
  readonly gatewayKeys: RouterParts['gatewayKeys'];
  readonly storefront: Pick<StorefrontSwitch, 'opened'>;
  readonly horde: Horde;
  readonly machines: OwnMachines | null;
  readonly network: Pick<Network, 'key'>;
  readonly pairing: OpenPages['pairing'] | null;
  readonly networkSwitch: NetworkSwitch;
  readonly shell: ShellLink;
  readonly updates: Updates;
  readonly startup: StartupProgress;
  readonly quit: () => void;
}

function openUpgrade(
  { config, clock, log, notices, onClose }: Surroundings,
  { selling, buying, shell }: Pick<ApiParts, 'selling' | 'buying' | 'shell'>,
): Upgrade {
  const { provider } = selling;
  const upgrade = watchUpgrade({
    ...{ clock, notices, log: log.child('start') },
    activeJobs: () => provider.active().length + buying.service.active(),
    refuseJobs() {
      const ends = [provider.refuseJobs(), buying.service.refuseRequests()];
      return () => {
        for (const end of ends) end();
      };
    },
    relaunch: config.host === 'desktop' ? () => shell.tell({ type: 'relaunch' }) : null,
  });
  onClose(() => upgrade.stop());
  return upgrade;
}

export function openApi(surroundings: Surroundings, parts: ApiParts): Router {
  const { config, clock, onClose, log } = surroundings;
  const { foundation, money, selling, shell } = parts;
  const { confirmations } = money;
  onClose(
    confirmations.onAsked((id, summary) => {
      if (shell.connected()) shell.tell({ type: 'confirm-spend', id, summary });
    }),
  );
  return createRouter({
    hub: parts.hub,
    watchStartup: parts.startup.watch,
    forecasts: parts.forecasts,
    incomes: parts.incomes,
    earnings: parts.earnings,
    history: parts.history,
    calendar: foundation.calendar,
    daysIn: (period) => foundation.calendar.daysIn(period, clock.now()),
    depositReturns: parts.depositReturns,
    buying: parts.buying,
    gatewayKeys: parts.gatewayKeys,
    storefront: parts.storefront.opened,
    batches: parts.buying.batches,
    horde: parts.horde,
    upgrade: openUpgrade(surroundings, parts),
    updates: parts.updates,
    libraries: selling.engine.libraries,
    about: createAbout({ home: foundation.paths.root }),
    maintenance: createMaintenance({
      root: foundation.paths.root,
      entry: config.entry,
      assetIds: [money.chain.token.id, money.chain.coin.id],
      restart: config.host === 'desktop' ? () => shell.tell({ type: 'restart' }) : null,
      quit: parts.quit,
      clock,
      log: log.child('maintenance'),
    }),
    presence: foundation.presence,
    jobs: foundation.jobs,
    ledger: foundation.ledger,
    doings: parts.doings,
    settings: foundation.settings,
    changeSettings: parts.machines?.rules.change ?? foundation.settings.change,
    benchmark: selling.measuring.benchmark,
    predictions: selling.measuring.predictions,
    models: selling.engine.models,
    linkedModels: selling.engine.linkedModels,
    settlement: money.settlement,
    activateModel: (id) => selling.serving.activate(id),
    serveFurther: (id, isOn) => selling.serving.serveFurther(id, isOn),
    servedModel: selling.servedModel,
    speedOf: selling.provider.speedOf,
    checkOf: (job) => (job.side === 'bought' ? parts.buying : selling).checkOf(job),
    engineServers: selling.engine.servers,
    refreshBalances: () => money.balances.refresh(),
    spending: money.spending,
    confirmations,
    secrets: money.secrets,
    networkSwitch: parts.networkSwitch,
    machines: parts.machines,
    membership: openOutsideMembership(surroundings, foundation, parts),
    readAddress,
    pairing: parts.pairing,
    shell,
    assetId: money.chain.token.id,
    coinId: money.chain.coin.id,
    quit: parts.quit,
    log: log.child('api'),
  });
}

/** Pages on loopback. Until the API is there, they show the steps of the start. */
export interface OpenPages {
  readonly page: NonNullable<AgentReady['page']>;
  readonly pairing: Pairing & { readonly url: string };
  /** Call when the API is ready: connections from now on get it, and the terminal can connect. */
  serve(router: Router): void;
}

/** Serves the pages on loopback, to a browser with the page token and to the terminal with its own. */
export async function openPages(
  { config, clock, onClose, log }: Surroundings,
  startup: StartupProgress,
  home: string,
): Promise<OpenPages> {
  const token = randomBytes(24).toString('hex');
  const terminalToken = randomBytes(24).toString('hex');
  const report = logFault(log.child('pages'), 'A connection of a page failed');
  const starting = new SocketHandler(createStartupRouter(startup.watch));
  let whole: SocketHandler<ApiContext> | null = null;
  const paired = openPairedBrowsers(home);
  const pairing = createPairing({ store: paired, clock, log: log.child('pages') });
  const server = await startAtKnownPort(config.pagePort, paired.port(), {
    pairing,
    token,
    terminalToken,
    folder: existsSync(join(PAGES_BY_BUNDLE, 'index.html')) ? PAGES_BY_BUNDLE : PAGES_FOLDER,
    onConnection: (socket, role) =>
      void (whole ?? starting).upgrade(socket, { context: { role } }).catch(report),
  });
  onClose(() => server.close());
  paired.usePort(Number(new URL(server.url).port));
  return {
    page: { url: server.url, token },
    pairing: { ...pairing, url: server.url },
    serve(router) {
      whole = new SocketHandler(router);
      onClose(openTerminalAccess(home, { url: server.url, token: terminalToken }));
      log.child('start').info('Pages ready', { url: server.url });
    },
  };
}

/** Bookmarks of paired browsers name a port, so any free one is only the second choice. */
async function startAtKnownPort(
  wanted: number,
  known: number | null,
  options: Omit<PageServerOptions, 'port'>,
): Promise<PageServer> {
  if (wanted !== 0 || known === null) return startPageServer({ ...options, port: wanted });
  try {
    return await startPageServer({ ...options, port: known });
  } catch (error) {
    if (!isAppError(error, 'port-in-use')) throw error;
    return startPageServer({ ...options, port: 0 });
  }
}
