/**
 * Composes an agent: connects the core to its adapters, in the order in which they depend on each other. Every
 * profile and both roles run this same code; the practice requester is an agent that sells nothing.
 */
import { RPCHandler as PortHandler } from '@orpc/server/message-port';
import { AppError } from '../shared/errors.ts';
import type { AgentReady, PortRole } from '../shared/host.ts';
import type { StartupStep } from '../shared/startup.ts';
import { VERSION } from '../shared/version.ts';
import { closeHttp, createHttpServer } from './adapters/http/index.ts';
import { preventDumps } from './adapters/native/index.ts';
import { reportEventLoopDelay } from './adapters/node/index.ts';
import { acquireFileLock, prepareRestored } from './adapters/sqlite/index.ts';
import type { openBittensor } from './agent/bittensor.ts';
import { openBuying } from './agent/buying.ts';
import { type ChangeFeed, createChangeFeed } from './agent/change-feed.ts';
import { modelsForChecks, openVerdicts } from './agent/checking.ts';
import { openClockNotice } from './agent/clock-notice.ts';
import { type Closers, createClosers } from './agent/closers.ts';
import type { AgentConfig } from './agent/config.ts';
import { openContacts } from './agent/contacts.ts';
import type { ApiPort } from './agent/desktop-host.ts';
import { openDoings } from './agent/doing.ts';
import { openEarnings, openMeters } from './agent/earnings.ts';
import { openForecasting } from './agent/forecasting.ts';
import { type Foundation, openFoundation } from './agent/foundation.ts';
import { createHistory } from './agent/history/index.ts';
import { openHorde } from './agent/horde.ts';
import { openApi, openPages, openState, type Router } from './agent/interfaces.ts';
import { logFault, openAgentLog } from './agent/log.ts';
import { type Money, openMoney } from './agent/money.ts';
import { createNetworkSwitch, type NetworkSwitch } from './agent/network-choice.ts';
import { openNotifications } from './agent/notifying.ts';
import {
  type OwnMachines,
  openOwnMachines,
  outsideOf,
  readOwnNetwork,
  refuseFreeWork,
  reportOf,
  startOwnMachines,
} from './agent/own-machines.ts';
import { withOwnPeer } from './agent/own-peer.ts';
import { checkPeerAddresses } from './agent/peer-addresses.ts';
import { connectPatiently, type OpenedNetwork, openNetwork, openPrivateNetwork } from './agent/peers.ts';
import { openPracticeRole } from './agent/practice-role.ts';
import { termsOf } from './agent/profiles.ts';
import { logRunStory, type RunStory } from './agent/run-story/index.ts';
import { openSelling, type Selling } from './agent/selling.ts';
import { followSharedPayout } from './agent/shared-payout.ts';
import { createStartupProgress, type StartupProgress } from './agent/startup.ts';
import { openStorefrontSwitch } from './agent/storefront-switch.ts';
import type { Surroundings } from './agent/surroundings.ts';
import { openUpdates } from './agent/updating.ts';
import { createShellLink, type ShellLink } from './api/shell-link.ts';
import type { StateHub } from './api/state-hub.ts';
import { openHome, restoreAtStart } from './core/home/index.ts';
import { createNotices } from './core/notices/index.ts';
import { createClock, systemClock } from './ports/clock.ts';
import type { HomePaths } from './ports/data-folder.ts';
import type { Engine } from './ports/engine.ts';
import type { Log } from './ports/log.ts';
import type { Network } from './ports/network.ts';
import { asStorageError } from './ports/storage.ts';

export type { AgentConfig } from './agent/config.ts';

export interface AgentHooks {
  /** The desktop shell requests that the agent quits. */
  readonly quit: () => void;
  /** Called once the log is open, before anything else: from then on, `stop` closes everything in order. */
  readonly onOpened?: (opened: {
    readonly log: Log;
    readonly stop: (reason: string) => Promise<void>;
  }) => void;
  readonly onStep?: (step: StartupStep) => void;
  /** Called once the API answers, before the practice requester is up. */
  readonly onServing?: (agent: Pick<Agent, 'ready' | 'attach'>) => void;
}

export interface Agent {
  readonly ready: AgentReady;
  /** Serves the API on a port that the desktop shell handed over. */
  attach(port: ApiPort, role: PortRole): void;
  /** For benchmarks that drive the same engine directly. */
  readonly engine: Engine;
  /** Hands back running jobs and closes everything, in order; `reason` is for the log. */
  stop(reason?: string): Promise<void>;
}

export async function createAgent(config: AgentConfig, hooks: AgentHooks): Promise<Agent> {
  checkPeerAddresses(config, termsOf(config.profile, config.network ?? null).openMarket);
  // Before the log: its files belong to the one agent that has locked the folder.
  const chosen = config.chosenNetwork ?? 'practice';
  const home = openHome({
    root: config.home,
    network: chosen === 'practice' ? null : chosen,
    acquireLock: acquireFileLock,
    pid: process.pid,
  });
  const { log, close: closeLog } = openAgentLog(config, home.paths.logs);
  const start = log.child('start');
  const closers = createClosers(start);
  const run: Run = { isStopping: false, story: null };
  const startedAtMs = systemClock.monotonic();
  const stop = onceOnly(async (reason = 'requested') => {
    run.isStopping = true;
    const stoppingAtMs = systemClock.monotonic();
    start.info('Idlewatt is stopping', { reason });
    await closers.closeAll();
    const stoppedAtMs = systemClock.monotonic();
    start.info('Idlewatt has stopped', {
      tookMs: Math.round(stoppedAtMs - stoppingAtMs),
      uptimeMs: Math.round(stoppedAtMs - startedAtMs),
      ...run.story?.summary(),
    });
    closeLog();
    home.close();
  });
  hooks.onOpened?.({ log, stop });
  logStart(start, config, home.paths);
  if (home.repaired.length > 0) {
    start.warn('Other users could read the data folder; that is repaired', {
      paths: home.repaired.join(', '),
    });
  }
  try {
    await restoreIfAsked(home.paths, start, hooks);
    await beforeComposing(config, log, (surroundings) => followSharedPayout(surroundings, home.paths));
    const agent = await compose(config, hooks, { log, closers, paths: home.paths, run });
    start.info('Idlewatt is ready', { tookMs: Math.round(systemClock.monotonic() - startedAtMs) });
    return { ...agent, stop };
  } catch (cause) {
    const error = asStorageError(cause);
    // The caller shows a refusal to the owner, so it's no warning here.
    if (error instanceof AppError) start.info('Idlewatt could not start', { cause: error.message });
    else start.error('Idlewatt could not start', error);
    await stop('could not start');
    throw error;
  }
}

/** Runs a step on parts of its own, which are closed before the agent is composed. */
async function beforeComposing(
  config: AgentConfig,
  log: Log,
  step: (surroundings: Surroundings) => Promise<void>,
): Promise<void> {
  const closers = createClosers(log.child('start'));
  try {
    await step(openSurroundings(config, { log, closers, changes: createChangeFeed() }));
  } finally {
    await closers.closeAll();
  }
}

/** Restores the backup that the owner chose on a page, before anything of the data folder is open. */
async function restoreIfAsked(paths: HomePaths, log: Log, { onStep }: AgentHooks): Promise<void> {
  const result = await restoreAtStart(paths, {
    acquireLock: acquireFileLock,
    check: prepareRestored,
    now: () => systemClock.now(),
    onBegin: () => onStep?.('data'),
  });
  if (result === null) return;
  if (result.outcome === 'restored') log.info('The backup was restored', { ...result });
  else log.warn('The backup was not restored; nothing was changed', { ...result });
}

function logStart(log: Log, config: AgentConfig, paths: HomePaths): void {
  log.info('Idlewatt is starting', {
    version: VERSION,
    profile: config.profile,
    role: config.role,
    host: config.host,
    home: paths.root,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    pid: process.pid,
    // No key has been read yet.
    dumpsPrevented: preventDumps(),
  });
}

/** One run of an agent, from its start to its stop. */
interface Run {
  isStopping: boolean;
  /** Null until all parts are open. */
  story: RunStory | null;
}

/** Concurrent calls share one run, with the arguments of the first. */
function onceOnly(run: (reason?: string) => Promise<void>): (reason?: string) => Promise<void> {
  let running: Promise<void> | null = null;
  return (reason) => {
    running ??= run(reason);
    return running;
  };
}

interface ComposeParts {
  readonly log: Log;
  readonly closers: Closers;
  readonly paths: HomePaths;
  readonly run: Run;
}

async function compose(
  config: AgentConfig,
  hooks: AgentHooks,
  { log, closers, paths, run }: ComposeParts,
): Promise<Omit<Agent, 'stop'>> {
  const startedAtMs = systemClock.now();
  const changes = createChangeFeed();
  const surroundings = openSurroundings(config, { log, closers, changes });
  const startup = openStartup(surroundings, hooks);
  surroundings.onClose(reportEventLoopDelay({ log: log.child('event-loop'), clock: surroundings.clock }));
  // First, so that a page that is open already shows the steps of the start.
  const pages = config.host === 'headless' ? await openPages(surroundings, startup, paths.root) : null;
  startup.begin('data');
  const foundation = openFoundation(surroundings, paths);
  const joinPractice = openPracticeRole(surroundings, foundation.paths.requester);
  const contacts = openContacts(surroundings, foundation);
  const money = await openMoney(surroundings, foundation, startup);
  contacts.setChain(money.chain);
  startup.begin('network');
  const shell = createShellLink(() => surroundings.changed('app'));
  const { network, machines, office, ways } = await openPeers(surroundings, foundation, shell);
  contacts.watchPeers(network);
  const networkSwitch = openNetworkSwitch(surroundings, foundation, shell);
  const verdicts = openVerdicts(surroundings, foundation, network);
  const selling = openSelling(surroundings, { foundation, money, network, shell, office, verdicts });
  const buying = await openBuying(surroundings, {
    ...{ foundation, money, office, verdicts, models: selling.engine.models },
    checkModels: modelsForChecks(foundation, selling),
    // The practice network has no other provider.
    network: money.buysFromItself ? withOwnPeer(network, selling.provider.app) : network,
  });
  selling.engine.servers.setOwnPorts(portsOf([buying.gateway?.baseUrl, pages?.page.url]));
  run.story = logStory(surroundings, { foundation, money, network, selling, run });
  for (const address of config.connect) await connectPatiently(surroundings, network, address);

  const storefront = await openStorefrontSwitch(surroundings, { foundation, money, network, buying });
  const signed = await openSigned(surroundings, foundation, selling);
  const updates = openUpdates(surroundings, foundation);
  const horde = openHorde(surroundings, foundation, selling);
  const opened = { foundation, money, selling, machines, shell, networkSwitch, updates, horde, storefront };
  const hub = openState(surroundings, {
    ...opened,
    ...{ startedAtMs, network, ways, contacts, changes, bittensor: signed.bittensor },
    gateway: () => buying.gateway,
    batches: () => buying.batches,
  });
  await money.firstBalances;
  money.start(() => hub.watched());
  openClockNotice(surroundings, money, buying.directory);
  const views = openViews(surroundings, { ...opened, hub, directory: buying.directory });
  const metrics = await startOwnMachines(surroundings, machines, {
    report: () => reportOf(foundation, selling, views),
    hasPages: () => hub.watched(),
  });
  const router = openApi(surroundings, {
    ...{ ...opened, ...views },
    ...{ network, hub, startup, buying, quit: hooks.quit, pairing: pages?.pairing ?? null },
    ...{ depositReturns: buying.depositReturns, gatewayKeys: buying.gatewayKeys },
  });
  openNotifications(surroundings, { foundation, money, shell, engine: selling.engine.engine });
  const ready = (requester: AgentReady['requester']): AgentReady => ({
    ...readyOf(surroundings, { paths: foundation.paths, money, network }),
    ...{ ...storefront.ready(), ...signed },
    page: pages?.page ?? null,
    gateway: buying.gateway,
    requester,
    ...(metrics !== null && { metrics }),
  });
  pages?.serve(router);
  startup.serving();
  hooks.onServing?.({ ready: ready(null), attach: attachTo(router) });

  const requester = await joinPractice({ money, network, own: buying.gateway });
  selling.start();
  horde.start();
  const { page, gateway, pid } = requester ?? {};
  return {
    ready: ready(page && gateway && pid !== undefined ? { pid, page, gateway } : null),
    attach: attachTo(router),
    engine: selling.engine.engine,
  };
}

/** Loads the code for signed requests only where the owner asked for them. */
async function openSigned(
  ...given: Parameters<typeof openBittensor>
): Promise<Awaited<ReturnType<typeof openBittensor>>> {
  if (given[0].config.bittensorListen === undefined) return {};
  const { openBittensor } = await import('./agent/bittensor.ts');
  return openBittensor(...given);
}

function portsOf(urls: readonly (string | undefined)[]): number[] {
  return urls.flatMap((url) => (url === undefined ? [] : [Number(new URL(url).port)]));
}

function attachTo(router: Router): Agent['attach'] {
  const handler = new PortHandler(router);
  return (port, role) => handler.upgrade(port, { context: { role } });
}

function readyOf(
  { config, terms }: Surroundings,
  parts: { paths: HomePaths; money: Money; network: Network },
): Omit<AgentReady, 'page' | 'gateway' | 'requester'> {
  const { paths, money, network } = parts;
  const { id, rpcUrl, token } = money.chain;
  return {
    pid: process.pid,
    home: paths.root,
    profile: config.profile,
    peer: { id: network.key.peer, addresses: [...network.addresses()] },
    chain: terms.isPaid ? { id, rpcUrl, token: token.address } : null,
  };
}

interface OpenedPeers extends OpenedNetwork {
  /** Null without other machines of the owner. */
  readonly machines: OwnMachines | null;
  /** The same where they work for each other without payment; null where this machine sells to others. */
  readonly office: OwnMachines | null;
}

/** Opens the network of peers, and what the owner's machines are to each other. */
async function openPeers(
  surroundings: Surroundings,
  foundation: Foundation,
  shell: ShellLink,
): Promise<OpenedPeers> {
  const own = readOwnNetwork(surroundings, foundation);
  const { isPaid } = surroundings.terms;
  const { network, ways } = await openNetwork(surroundings, foundation, isPaid ? null : own);
  if (own === null) return { network, ways, machines: null, office: null };
  if (!isPaid) {
    const office = await openOwnMachines(surroundings, foundation, own, { network, shell });
    return { network, ways, machines: office, office };
  }
  const among = await openPrivateNetwork(surroundings, foundation, own);
  const machines = await openOwnMachines(surroundings, foundation, own, { network: among, shell });
  const server = createHttpServer(machines.serve({ fetch: refuseFreeWork }));
  among.serve(server);
  surroundings.onClose(() => closeHttp(server));
  return { network, ways, machines, office: null };
}

/** Opens what explains the past and the days to come. */
function openViews(
  surroundings: Surroundings,
  parts: Omit<Parameters<typeof openForecasting>[1], 'workWatts' | 'history' | 'doings'> & {
    readonly hub: StateHub;
  },
) {
  const { foundation, money, selling, hub } = parts;
  const { workWatts, work } = openMeters(surroundings, foundation, selling);
  selling.setPriceSources({ workWatts, offers: () => parts.directory.providers().map(({ offer }) => offer) });
  const history = createHistory({
    path: foundation.paths.database,
    clock: surroundings.clock,
    log: surroundings.log.child('history'),
    durability: foundation.database.durability,
    watched: () => hub.watched(),
  });
  surroundings.onClose(() => history.stop());
  const doings = openDoings(surroundings, foundation, selling);
  return {
    ...openForecasting(surroundings, { ...parts, workWatts, history, doings }),
    workWatts,
    work,
    doings,
    outside: outsideOf(surroundings, foundation, money),
    earnings: openEarnings(foundation, money, { history, work, workWatts }),
    history,
  };
}

function openNetworkSwitch(
  { config, log, changed }: Surroundings,
  { settings }: Foundation,
  shell: ShellLink,
): NetworkSwitch {
  return createNetworkSwitch({
    config,
    settings: settings.get,
    log: log.child('settings'),
    restart: config.host === 'desktop' ? () => shell.tell({ type: 'restart' }) : null,
    onChange: () => changed('app'),
  });
}

function openStartup({ clock, log }: Surroundings, { onStep }: AgentHooks): StartupProgress {
  return createStartupProgress({
    clock,
    log: log.child('start'),
    onChange(startup) {
      if (startup.phase === 'starting') onStep?.(startup.step);
    },
  });
}

function openSurroundings(
  config: AgentConfig,
  parts: { readonly log: Log; readonly closers: Closers; readonly changes: ChangeFeed },
): Surroundings {
  const notices = createNotices();
  notices.onChange(() => parts.changes.changed('app'));
  return {
    config,
    terms: termsOf(config.profile, config.network ?? null),
    serves: config.role === 'owner' || config.role === 'storefront',
    clock: createClock(logFault(parts.log.child('clock'), 'A timer callback failed')),
    log: parts.log,
    notices,
    onClose: (close) => parts.closers.add(close),
    changed: (...sections) => parts.changes.changed(...sections),
  };
}

/** Logs until the process ends, so that the story includes the stop. */
function logStory(
  { clock, log, notices, serves }: Surroundings,
  parts: {
    readonly foundation: Foundation;
    readonly money: Money;
    readonly network: Network;
    readonly selling: Selling;
    readonly run: Readonly<Run>;
  },
): RunStory {
  const { presence, jobs, settings } = parts.foundation;
  const { settlement, chain } = parts.money;
  const { engine, models } = parts.selling.engine;
  const { benchmark, predictions } = parts.selling.measuring;
  return logRunStory(log, {
    clock,
    presence: serves ? presence : null,
    engine,
    jobs,
    settlement,
    token: chain.token,
    coin: chain.coin,
    network: parts.network,
    models,
    settings,
    notices,
    benchmark,
    predictions,
    isStopping: () => parts.run.isStopping,
  });
}
