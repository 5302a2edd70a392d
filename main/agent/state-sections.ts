/** Reads each section of the state from the module that owns it. Nothing here computes what a page shows. */
import type { AgentState } from '../../shared/api/state.ts';
import { type BittensorState, type HotkeyNames, hotkeyTitle, isHotkeyPeer } from '../../shared/bittensor.ts';
import { isHordePeer } from '../../shared/horde.ts';
import { bringsJobs } from '../../shared/job-sources.ts';
import { ruledGroups } from '../../shared/machine-rules.ts';
import { NO_MONEY_ID, plainAsset } from '../../shared/money.ts';
import type { ShellLink } from '../api/shell-link.ts';
import type { SectionReaders } from '../api/state-hub.ts';
import type { Batches } from '../core/batches/index.ts';
import type { Contacts } from '../core/contacts/index.ts';
import type { PerHour } from '../core/forecast/index.ts';
import type { SharedPayout } from '../core/machines/index.ts';
import { rankModels } from '../core/models/index.ts';
import type { Notices } from '../core/notices/index.ts';
import type { RatesState } from '../core/rates/index.ts';
import { currentSpeed } from '../core/serving/index.ts';
import type { Updates } from '../core/updates/index.ts';
import type { EngineStatus } from '../ports/engine.ts';
import type { Network } from '../ports/network.ts';
import type { GatewayAddress } from './buying.ts';
import type { AgentConfig } from './config.ts';
import type { Foundation } from './foundation.ts';
import type { Horde } from './horde.ts';
import type { MachineView } from './machine-view.ts';
import type { Money } from './money.ts';
import type { NetworkSwitch } from './network-choice.ts';
import type { OwnMachines } from './own-machines.ts';
import type { OpenedNetwork } from './peers.ts';
import type { Selling } from './selling.ts';
import { readable } from './shared-payout.ts';
import type { StorefrontSwitch } from './storefront-switch.ts';

/** They are sent with every change of the network section. */
const CONTACTS_SHOWN = 50;
/** They are sent with every line that ends. */
const BATCHES_SHOWN = 10;
/** They are sent with every change of the work section. */
const HAND_BACKS_SHOWN = 20;

export interface SectionParts {
  readonly app: {
    readonly version: string;
    readonly config: Pick<AgentConfig, 'profile' | 'host'>;
    readonly startedAtMs: number;
    readonly notices: Pick<Notices, 'list'>;
    readonly networkSwitch: Pick<NetworkSwitch, 'state'>;
    readonly shell: Pick<ShellLink, 'facts'>;
    readonly updates: Pick<Updates, 'state'>;
  };
  readonly foundation: Pick<Foundation, 'calendar' | 'jobs' | 'ledger' | 'presence' | 'settings'>;
  readonly money: Pick<Money, 'balances' | 'chain' | 'ownAddress' | 'rates' | 'settlement' | 'wallet'>;
  readonly selling: Pick<
    Selling,
    'engine' | 'measuring' | 'pricing' | 'provider' | 'servedModel' | 'serving'
  >;
  readonly network: Pick<Network, 'addresses' | 'isReachedFromOutside' | 'key' | 'peers' | 'traffic'>;
  readonly ways: OpenedNetwork['ways'];
  readonly contacts: Pick<Contacts, 'list'>;
  readonly networkName: string;
  readonly gateway: () => GatewayAddress;
  readonly batches: () => Pick<Batches, 'views'>;
  readonly machines: Pick<OwnMachines, 'roster' | 'watch'> | null;
  readonly horde: Pick<Horde, 'state'>;
  readonly storefront: Pick<StorefrontSwitch, 'state'>;
  readonly bittensor: BittensorState;
  readonly machine: Pick<MachineView, 'inventory' | 'readings'>;
  readonly perHour: () => PerHour;
  readonly nowMs: () => number;
}

export function sectionReaders(parts: SectionParts): SectionReaders {
  return {
    app: () => app(parts),
    work: () => work(parts),
    money: () => money(parts),
    wallet: () => wallet(parts),
    models: () => models(parts),
    machine: () => machine(parts),
    network: () => network(parts),
    batches: () => ({ list: [...parts.batches().views(BATCHES_SHOWN)] }),
    horde: () => parts.horde.state(),
    storefront: () => parts.storefront.state(),
    bittensor: () => parts.bittensor,
    machines: () => machines(parts),
    settings: () => parts.foundation.settings.get(),
  };
}

function app({ app }: SectionParts): AgentState['app'] {
  return {
    version: app.version,
    profile: app.config.profile,
    host: app.config.host,
    platform: process.platform,
    startedAtMs: app.startedAtMs,
    notices: [...app.notices.list()],
    network: app.networkSwitch.state(),
    shell: app.shell.facts(),
    updates: app.updates.state(),
  };
}

function work(parts: SectionParts): AgentState['work'] {
  const { presence, jobs, calendar } = parts.foundation;
  const { engine, provider, servedModel } = parts.selling;
  const { engines } = parts.selling.serving;
  const status = engines.status();
  const loaded = status.state === 'ready' ? status.loaded : null;
  const activeJobs = provider.active();
  const last = jobs.list({ side: 'sold', outcome: 'served', limit: 1 }).jobs[0];
  const nowMs = parts.nowMs();
  const { bittensorNames } = parts.foundation.settings.get();
  return {
    presence: presence.current(),
    engine: status.state,
    loaded: engines
      .list()
      .flatMap(({ file, engine: { status } }) => loadedModel(file.id, status(), activeJobs)),
    model: servedModel(),
    backend: loaded?.backend ?? null,
    threads: loaded?.threads ?? null,
    sandbox: loaded?.sandbox ?? null,
    graphicsProblems: [...(loaded?.graphicsProblems ?? [])],
    hasJobSource: hasJobSource(parts),
    activeJobs: activeJobs.map((job) => ({ ...job, requester: shortName(job.requester, bittensorNames) })),
    ...currentSpeed(activeJobs, last, nowMs),
    jobsToday: jobs.counts('sold', calendar.startOfDay(nowMs), calendar.startOfNextDay(nowMs)),
    perHour: isFree(parts) ? null : parts.perHour(),
    handBacks: engine.handBacks.list(HAND_BACKS_SHOWN),
  };
}

/** Among machines of one owner that work for each other. Those that sell may be in a private network, too. */
function isFree({ money }: SectionParts): boolean {
  return money.chain.token.id === NO_MONEY_ID;
}

function hasJobSource(parts: SectionParts): boolean {
  return bringsJobs(parts.foundation.settings.get(), {
    isFree: isFree(parts),
    listensForHotkeys: parts.bittensor.url !== null,
  });
}

function loadedModel(
  model: string,
  { state }: EngineStatus,
  jobs: readonly { readonly model: string }[],
): AgentState['work']['loaded'] {
  if (state === 'stopped' || state === 'gave-up') return [];
  return [{ model, state, jobs: jobs.filter((job) => job.model === model).length }];
}

function money({ foundation, money }: SectionParts): AgentState['money'] {
  const { ledger, settings } = foundation;
  const asset = plainAsset(money.chain.token);
  const coin = plainAsset(money.chain.coin);
  return {
    asset,
    coin,
    earnedToday: ledger.earned(asset.id, 'today').toString(),
    earnedThisWeek: ledger.earned(asset.id, 'week').toString(),
    earnedTotal: ledger.earned(asset.id, 'total').toString(),
    owed: ledger.balance('channels:owed', asset.id).toString(),
    claimed: ledger.balance('contract:claimed', asset.id).toString(),
    received: ledger.received(asset.id).toString(),
    feesCoin: ledger.balance('fees:network', coin.id).toString(),
    waitingReason: money.settlement.receivables()[0]?.reason ?? null,
    settleThreshold: settings.get().settleThreshold,
    payoutFee: money.settlement.fee()?.toString() ?? null,
    ...rateOf(money.rates.state()),
  };
}

function rateOf(state: RatesState | null): Pick<AgentState['money'], 'rate' | 'coinPrice' | 'rateProblem'> {
  const token = state?.token ?? null;
  return {
    rate:
      state === null || token === null
        ? null
        : {
            currency: state.currency,
            perDollar: Number(token.value),
            atMs: token.atMs,
            source: state.source,
          },
    coinPrice: state?.coin ? Number(state.coin.value) : null,
    rateProblem: state?.error ?? null,
  };
}

function wallet({ money, networkName }: SectionParts): AgentState['wallet'] {
  const { kind, payout, accounts } = money.wallet;
  const balances = money.balances.current();
  return {
    address: money.ownAddress,
    kind,
    backedUp: money.wallet.backedUp(),
    payoutAddress: payout,
    feeAddress: accounts.gas.address,
    network: money.chain.id,
    networkName,
    tokenBalance: balances?.token?.toString() ?? null,
    coinBalance: balances?.coin?.toString() ?? null,
    balanceAtMs: balances?.atMs ?? null,
    locked: false,
  };
}

function models({ selling }: SectionParts): AgentState['models'] {
  const { models, servers } = selling.engine;
  const { predictions } = selling.measuring;
  const served = selling.servedModel();
  const further = selling.serving.furtherIds();
  const quotes = [...selling.pricing.quotes()].map(([model, quote]) => ({ model, ...quote }));
  const entries = models.list().map(({ checksum: _, ...model }) => ({
    ...model,
    active: model.id === served,
    further: model.id !== served && further.includes(model.id),
    speed: predictions.speed(model.id),
  }));
  return {
    models: rankModels(
      entries,
      ({ speed: { measured, predicted } }) => (measured ?? predicted)?.decodeTokensPerSecond ?? null,
    ),
    calibration: predictions.state(),
    quotes,
    engineServers: servers.list().map((server) => ({
      ...server,
      models: server.models.map((model) => ({
        ...model,
        active: model.id === served,
        decodeTokensPerSecond: predictions.speed(model.id).measured?.decodeTokensPerSecond ?? null,
      })),
    })),
    ...models.usage(),
  };
}

function machine({ machine, foundation, selling }: SectionParts): AgentState['machine'] {
  const inventory = machine.inventory();
  const readings = machine.readings();
  return {
    hostname: inventory?.hostname ?? '',
    os: inventory?.os ?? '',
    devices: [...(inventory?.devices ?? [])],
    memoryBytes: inventory?.memoryBytes ?? null,
    freeMemoryBytes: readings?.freeMemoryBytes ?? null,
    cpuLoadPercent: readings?.cpuLoadPercent ?? null,
    temperatureCelsius: readings?.temperatureCelsius ?? null,
    watts: readings?.watts ?? null,
    readAtMs: readings?.atMs ?? null,
    libraries: selling.engine.libraries.shown(),
    readings: foundation.presence.readings(),
    benchmark: selling.measuring.benchmark.state(),
  };
}

function network({ network, gateway, selling, contacts, ways }: SectionParts): AgentState['network'] {
  const address = gateway();
  return {
    peer: network.key.peer,
    addresses: [...network.addresses()],
    isReachedFromOutside: network.isReachedFromOutside(),
    peers: network.peers().map(({ peer, connected, source, addresses }) => ({
      peer,
      connected,
      source,
      address: addresses[0] ?? null,
    })),
    ways: ways(),
    contacts: contacts
      .list()
      .slice(0, CONTACTS_SHOWN)
      .map((contact) => ({ ...contact })),
    ...network.traffic(),
    gateway: { ...address, model: selling.servedModel() },
  };
}

function machines({ machines, network }: SectionParts): AgentState['machines'] {
  if (machines === null) return null;
  const { roster, watch } = machines;
  const role = roster.roleOf(network.key.peer);
  return {
    role,
    machines: [...watch.machines()],
    // A machine that was removed is its user's again.
    ruled: role === null ? [] : [...ruledGroups(roster.rules())],
    ruledBy: roster.rulesBy()?.name ?? null,
    payout: shownPayout(readable(roster.payout())),
  };
}

function shownPayout(payout: SharedPayout | null): NonNullable<AgentState['machines']>['payout'] {
  if (payout === null) return null;
  const { address, setAtMs, by } = payout;
  return { address, setAtMs, by: by?.name ?? null };
}

/** Peer IDs of Ed25519 keys all begin alike, so their last 8 characters tell them apart. */
function shortName(peer: string, hotkeyNames: HotkeyNames): string {
  if (isHordePeer(peer)) return 'AI Horde';
  if (isHotkeyPeer(peer)) return hotkeyTitle(peer, hotkeyNames);
  return `…${peer.slice(-8)}`;
}
