/** Reads each section of the state from the part that owns it. Nothing here computes what a page shows. */
import type { AgentState, Notice, Profile } from '../../shared/api/state.ts';
import type { Asset } from '../../shared/money.ts';
import type { SectionReaders } from '../api/state-hub.ts';
import type { Benchmark, Predictions } from '../core/benchmark/index.ts';
import type { Calendar } from '../core/calendar/index.ts';
import type { HandBacks } from '../core/engine/index.ts';
import type { Jobs } from '../core/jobs/index.ts';
import type { Ledger } from '../core/ledger/index.ts';
import type { ModelStore } from '../core/models/index.ts';
import type { PresenceService } from '../core/presence/index.ts';
import type { ActiveJob } from '../core/provider/index.ts';
import type { SettingsService } from '../core/settings/index.ts';
import type { OpenedWallet } from '../core/wallet/index.ts';
import type { Balances, ChainNetwork, Settlement } from '../ports/chain.ts';
import type { Clock } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { Inventory, MachineReadings } from '../ports/machine.ts';
import type { Network } from '../ports/network.ts';
import type { PerHour } from './hourly.ts';

/** They travel with every change of the work section. */
const HAND_BACKS_SHOWN = 20;

export interface SectionParts {
  readonly version: string;
  readonly profile: Profile;
  readonly host: 'desktop' | 'headless';
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly notices: () => readonly Notice[];
  readonly presence: PresenceService;
  readonly perHour: () => PerHour;
  readonly engine: Engine;
  readonly handBacks: HandBacks;
  readonly activeJobs: () => readonly ActiveJob[];
  readonly servedModel: () => string | null;
  readonly jobs: Jobs;
  readonly ledger: Ledger;
  readonly settlement: Settlement;
  readonly settings: SettingsService;
  readonly models: ModelStore;
  readonly benchmark: Benchmark;
  readonly predictions: Predictions;
  readonly inventory: () => Inventory | null;
  readonly readings: () => MachineReadings | null;
  readonly balances: () => Balances | null;
  readonly chain: ChainNetwork;
  readonly networkName: string;
  readonly wallet: OpenedWallet;
  readonly network: Network;
  readonly gateway: () => { baseUrl: string; key: string } | null;
}

/** Only what the schema of an asset names. */
export function plainAsset({ id, symbol, decimals, practice }: Asset): Asset {
  return { id, symbol, decimals, practice };
}

export function sectionReaders(parts: SectionParts): SectionReaders {
  return {
    app: () => ({
      version: parts.version,
      profile: parts.profile,
      host: parts.host,
      platform: process.platform,
      startedAtMs: parts.startedAtMs,
      notices: [...parts.notices()],
    }),
    work: () => work(parts),
    money: () => money(parts),
    wallet: () => {
      const balances = parts.balances();
      return {
        address:
          parts.wallet.kind === 'watch-only' ? parts.wallet.payout : parts.wallet.accounts.funds.address,
        kind: parts.wallet.kind,
        backedUp: parts.wallet.backedUp(),
        payoutAddress: parts.wallet.payout,
        feeAddress: parts.wallet.accounts.gas.address,
        network: parts.chain.id,
        networkName: parts.networkName,
        tokenBalance: balances?.token?.toString() ?? null,
        coinBalance: balances?.coin?.toString() ?? null,
        balanceAtMs: balances?.atMs ?? null,
        locked: false,
      };
    },
    models: () => {
      const served = parts.servedModel();
      return {
        models: parts.models.list().map(({ checksum: _, ...model }) => ({
          ...model,
          active: model.id === served,
          speed: parts.predictions.speed(model.id),
        })),
        calibration: parts.predictions.state(),
        ...parts.models.usage(),
      };
    },
    machine: () => {
      const inventory = parts.inventory();
      const readings = parts.readings();
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
        readings: parts.presence.readings(),
        benchmark: parts.benchmark.state(),
      };
    },
    network: () => {
      const gateway = parts.gateway();
      return {
        peer: parts.network.key.peer,
        addresses: [...parts.network.addresses()],
        peers: parts.network.peers().map(({ peer, connected, source }) => ({ peer, connected, source })),
        ...parts.network.traffic(),
        gateway: gateway && { ...gateway, model: parts.servedModel() },
      };
    },
    settings: () => parts.settings.get(),
  };
}

function work(parts: SectionParts): AgentState['work'] {
  const status = parts.engine.status();
  const loaded = status.state === 'ready' ? status.loaded : null;
  const activeJobs = parts.activeJobs();
  const speeds = activeJobs.flatMap((job) => job.tokensPerSecond ?? []);
  const last = parts.jobs.list({ side: 'sold', outcome: 'served', limit: 1 }).jobs[0];
  const nowMs = parts.clock.now();
  return {
    presence: parts.presence.current(),
    engine: status.state,
    model: parts.servedModel(),
    backend: loaded?.backend ?? null,
    threads: loaded?.threads ?? null,
    sandbox: loaded?.sandbox ?? null,
    activeJobs: activeJobs.map((job) => ({ ...job, requester: shortName(job.requester) })),
    tokensPerSecond:
      speeds.length > 0
        ? speeds.reduce((sum, speed) => sum + speed, 0)
        : (last?.decodeTokensPerSecond ?? null),
    tokensPerSecondAtMs: speeds.length > 0 ? nowMs : (last?.endedAtMs ?? null),
    jobsToday: parts.jobs.counts('sold', parts.calendar.startOfDay(nowMs)),
    perHour: parts.perHour(),
    handBacks: parts.handBacks.list(HAND_BACKS_SHOWN),
  };
}

function money(parts: SectionParts): AgentState['money'] {
  const { ledger, chain } = parts;
  const asset = plainAsset(chain.token);
  const coin = plainAsset(chain.coin);
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
    waitingReason: parts.settlement.receivables()[0]?.reason ?? null,
    settleThreshold: parts.settings.get().settleThreshold,
  };
}

/** Peer ids of Ed25519 keys all begin alike; their ends tell them apart. */
function shortName(peer: string): string {
  return `…${peer.slice(-8)}`;
}
