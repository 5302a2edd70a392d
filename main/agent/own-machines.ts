/** Opens the private network of the owner's machines: membership, roles, reports, orders and codes for further machines. */
import { hostname } from 'node:os';
import {
  DAYS_REPORTED,
  type MachineDay,
  type MachineOrder,
  type MachineReport,
  OUTSIDE_DAYS,
  type Outside,
  plainMachineName,
} from '../../shared/machines.ts';
import { plainAsset } from '../../shared/money.ts';
import { bip39Words } from '../adapters/ethers/index.ts';
import { closeHttp, createHttpServer, type WebHandler } from '../adapters/http/index.ts';
import { createNetwork, verifySigned } from '../adapters/libp2p/index.ts';
import type { ShellLink } from '../api/shell-link.ts';
import type { WorkMeter, WorkWatts } from '../core/earnings/index.ts';
import {
  createInvitations,
  createMachineService,
  createMachineWatch,
  createSharedRules,
  foundNetwork,
  type Invitations,
  type MachineRoster,
  type MachineWatch,
  type MembershipRecord,
  type MembershipStore,
  openRoster,
  type PairingHost,
  refusalFor,
  type SharedRules,
  type WorkBook,
} from '../core/machines/index.ts';
import { currentSpeed } from '../core/serving/index.ts';
import type { Network } from '../ports/network.ts';
import { deviceName } from './earnings.ts';
import type { Foundation } from './foundation.ts';
import { joinByCode, refuseWithOthers } from './joining.ts';
import { machineMetrics } from './machine-metrics.ts';
import { type MembershipFile, membershipFile } from './membership-file.ts';
import { serveMetrics } from './metrics.ts';
import type { Money } from './money.ts';
import { newNetwork } from './own-membership.ts';
import { PAIRING_LISTEN, PAIRING_TAG } from './pairing-place.ts';
import type { Selling } from './selling.ts';
import { watchSharedPayout } from './shared-payout.ts';
import type { Surroundings } from './surroundings.ts';

/** Share of a day's work whose power draw has to be known for its energy to be known. */
const MEASURED_SHARE_MIN = 0.95;
/** The ledger is read again after this time. */
const EARNED_EVERY_MS = 60_000;

/** The key and name of the private network, before its roster can be read. */
export interface OwnNetwork extends Pick<MembershipRecord, 'network' | 'networkKey'> {
  readonly file: MembershipFile;
  /** Null where this machine founds the network. */
  readonly record: MembershipRecord | null;
}

/** The part of the provider's app that is called. */
interface Provider {
  fetch(request: Request): Response | Promise<Response>;
}

export interface OwnMachines {
  readonly roster: MachineRoster;
  readonly watch: MachineWatch;
  readonly invitations: Invitations;
  readonly rules: SharedRules;
  /** Serves the provider's app to the machines that may use it. */
  readonly serve: (provider: Provider) => WebHandler;
  /** The response to a client of the gateway if this machine may only serve; else null. */
  readonly refusal: () => Response | null;
  readonly order: (peer: string | null, order: MachineOrder) => Promise<readonly string[]>;
  /** Joins another network at the next start; `restarts`: it follows automatically. Fails like `joinByCode` and `refuseWithOthers`. */
  readonly join: (code: string) => Promise<{ readonly restarts: boolean }>;
  /**
   * Leaves the network: tells the machines that are connected, and removes the membership with its key here. Nothing that was
   * recorded changes. Counts completely from the next start on. Fails like `MachineRoster.leave`.
   */
  readonly leave: () => Promise<{ readonly restarts: boolean }>;
  /** True on an owner's machine. */
  readonly isOwner: () => boolean;
  /** From now on this machine reports what it does. */
  readonly start: (parts: {
    readonly report: () => MachineReport;
    /** True while somebody looks at the machines. */
    readonly isWatched: () => boolean;
  }) => void;
}

/** Null where this machine sells to others and its owner joined it with no other machine. */
export function readOwnNetwork({ terms, serves }: Surroundings, { paths }: Foundation): OwnNetwork | null {
  const file = membershipFile(paths.keys, terms.isPaid ? 'outside' : 'office');
  const record = file.read();
  if (terms.isPaid && (record === null || !serves)) return null;
  const { networkKey, network } = record ?? newNetwork();
  return { file, record, networkKey, network };
}

export async function openOwnMachines(
  surroundings: Surroundings,
  foundation: Foundation,
  own: OwnNetwork,
  { network, shell }: { readonly network: Network; readonly shell: Pick<ShellLink, 'tell'> },
): Promise<OwnMachines> {
  const { clock, config, log, changed, onClose } = surroundings;
  const { presence, settings } = foundation;
  const { key } = network;
  const record = own.record ?? (await found(own, network, clock.now()));
  const ownLog = log.child('machines');
  let hasLeft = false;
  const store: MembershipStore = {
    // From now on the file has the membership that counts from the next start on.
    write: (next) => (hasLeft ? undefined : own.file.write(next)),
  };
  const roster = await openRoster({ record, store, key, verifySigned, clock, log: ownLog });
  const rules = createSharedRules({ roster, own: key.peer, settings });
  onClose(() => rules.stop());
  let report: (() => MachineReport) | null = null;
  watchSharedPayout(surroundings, foundation, {
    ...{ roster, network: own.network, own: key.peer },
    isIdle: () => report === null || report().jobs === 0,
    restart: config.host === 'desktop' ? () => shell.tell({ type: 'restart' }) : null,
  });
  let isWatched = () => false;
  const readReport = () => reportAfterStart(report);
  const watch = createMachineWatch({
    ...{ network, roster, clock },
    isWatched: () => isWatched(),
    report: readReport,
    onChange: () => changed('machines'),
  });
  const obey = (order: MachineOrder) => {
    ownLog.info('An owner’s order was followed', { order });
    if (order === 'pause') presence.pause('resume');
    else presence.resume();
  };
  const restartSoon = () => {
    const restarts = config.host === 'desktop';
    if (restarts) shell.tell({ type: 'restart' });
    return { restarts };
  };
  const invitations = createInvitations({
    ...{ clock, log: ownLog, words: bip39Words() },
    host: (app) => openPairingHost(surroundings, app),
    admit: (machine) => roster.add(machine),
  });
  onClose(() => invitations.close());
  return {
    roster,
    watch,
    invitations,
    rules,
    serve: (provider) => createMachineService({ roster, report: readReport, obey, provider }),
    refusal: () => refusalFor(roster.roleOf(key.peer)),
    isOwner: () => roster.roleOf(key.peer) === 'owner',
    async join(code) {
      if (roster.roleOf(key.peer) !== null)
        refuseWithOthers(roster.machines().filter(({ peer }) => peer !== key.peer).length);
      await invitations.close();
      const name = plainMachineName(hostname());
      const joined = await joinByCode(foundation.paths.keys, { code, name });
      hasLeft = true;
      own.file.write(joined);
      ownLog.info('This machine has joined a network', { founder: joined.founder });
      return restartSoon();
    },
    async leave() {
      await invitations.close();
      // Stored before the others learn it: a crash from here on ends in the same way.
      await roster.leave();
      await watch.tell();
      hasLeft = true;
      own.file.remove();
      ownLog.info('This machine has left its network');
      return restartSoon();
    },
    order: (peer, order) => sendOrders(watch, { peer, order, obey }),
    start(parts) {
      report = parts.report;
      isWatched = parts.isWatched;
      watch.start();
      onClose(() => watch.stop());
    },
  };
}

function reportAfterStart(report: (() => MachineReport) | null): MachineReport {
  if (report === null) throw new Error('a machine reports only after its start');
  return report();
}

/** Resolves with the names of the machines that didn't take the order. `peer`: null is all machines. */
async function sendOrders(
  watch: MachineWatch,
  {
    peer,
    order,
    obey,
  }: {
    readonly peer: string | null;
    readonly order: MachineOrder;
    readonly obey: (order: MachineOrder) => void;
  },
): Promise<readonly string[]> {
  const machines = watch.machines().filter((machine) => peer === null || machine.peer === peer);
  const failed = await Promise.all(
    machines
      .map(async (machine) => {
        if (machine.isSelf) obey(order);
        else await watch.order(machine.peer, order);
        return null;
      })
      .map((sent, index) => sent.catch(() => machines[index]?.name ?? null)),
  );
  return failed.filter((name) => name !== null);
}

/** The response where this machine sells to others and computes nothing for free. */
export function refuseFreeWork(): Response {
  const message = 'This machine sells to others. It doesn’t run jobs for the owner’s other machines.';
  const error = { message, type: 'permission_error', code: 'sells-outside', param: null };
  return Response.json({ error }, { status: 403 });
}

async function found(own: OwnNetwork, { key }: Network, nowMs: number): Promise<MembershipRecord> {
  const record = await foundNetwork(key, { ...own, name: plainMachineName(hostname()), nowMs });
  own.file.write(record);
  return record;
}

/** A network of its own, without the private network's key and with a new peer ID, on which a newcomer asks to join. */
async function openPairingHost({ clock, log }: Surroundings, app: WebHandler): Promise<PairingHost> {
  const network = await createNetwork({
    folder: null,
    listen: PAIRING_LISTEN,
    mdns: true,
    mdnsServiceTag: PAIRING_TAG,
    clock,
    log: log.child('pairing'),
  });
  const server = createHttpServer(app);
  network.serve(server);
  await network.start();
  return {
    peer: network.key.peer,
    async close() {
      await network.stop();
      await closeHttp(server);
    },
  };
}

/** Returns what reads this machine's own report. */
export function reportOf(
  { presence, jobs, workBook }: Foundation,
  { provider, serving, engine }: Selling,
  {
    workWatts,
    work,
    outside,
  }: {
    readonly workWatts: Pick<WorkWatts, 'now'>;
    readonly work: Pick<WorkMeter, 'energy'>;
    readonly outside: () => Outside | null;
  },
): () => MachineReport {
  if (workBook === null) throw new Error('machines report only in a private network');
  let device: string | null = null;
  const speedOf = (active: Parameters<typeof currentSpeed>[0]) => {
    const last = jobs.list({ side: 'sold', outcome: 'served', limit: 1 }).jobs[0];
    return currentSpeed(active, last, 0).tokensPerSecond;
  };
  return () => {
    const status = serving.engines.status();
    if (status.state === 'ready') {
      const { backend } = status.loaded;
      // A failure leaves the device unknown; `earnings.ts` logs it.
      void engine.machine.inventory().then(
        ({ devices }) => {
          device = deviceName(backend, devices).slice(0, 120);
        },
        () => undefined,
      );
    }
    const active = provider.active();
    return {
      presence: presence.current(),
      engine: status.state,
      jobs: active.length,
      tokensPerSecond: active.length === 0 ? null : speedOf(active),
      watts: workWatts.now()?.value ?? null,
      device,
      served: workBook.today('sold'),
      used: workBook.today('bought'),
      days: daysOf(workBook, work),
      outside: outside(),
    };
  };
}

/** Returns what reads how much this machine earned from others, at most once a minute. */
export function outsideOf(
  { terms, clock }: Surroundings,
  { ledger }: Pick<Foundation, 'ledger'>,
  { chain, wallet }: Pick<Money, 'chain' | 'wallet'>,
): () => Outside | null {
  if (!terms.isPaid) return () => null;
  const asset = plainAsset(chain.token);
  let last: { readonly atMs: number; readonly earned: string } | null = null;
  return () => {
    const nowMs = clock.monotonic();
    if (last === null || nowMs - last.atMs >= EARNED_EVERY_MS) {
      const days = ledger.earningsByDay(asset.id, chain.coin.id, OUTSIDE_DAYS);
      const earned = days.reduce((sum, day) => sum + day.earned, 0n);
      last = { atMs: nowMs, earned: String(earned > 0n ? earned : 0n) };
    }
    return { asset, earned: last.earned, payout: wallet.payout };
  };
}

function daysOf(workBook: WorkBook, work: Pick<WorkMeter, 'energy'>): MachineDay[] {
  const energies = new Map(work.energy(DAYS_REPORTED).map((energy) => [energy.day, energy]));
  return workBook.days().map(({ day, outputTokens, workMs }) => {
    const energy = energies.get(day);
    // A sensor that fails now and then makes a few percent of the time unknown.
    const isKnown = energy !== undefined && energy.measuredMs >= MEASURED_SHARE_MIN * energy.activeMs;
    const wattHours = isKnown ? energy.peakWattHours + energy.offPeakWattHours : null;
    return { day, outputTokens, workMs, wattHours };
  });
}

/** Starts the reports, and serves them as metrics. Resolves with their address; null without `--metrics-port`. */
export async function startOwnMachines(
  { config, onClose }: Surroundings,
  machines: OwnMachines | null,
  parts: { readonly report: () => () => MachineReport; readonly hasPages: () => boolean },
): Promise<string | null> {
  if (machines === null) return null;
  // A storefront's own metrics have that port.
  const port = config.role === 'owner' ? (config.metricsPort ?? null) : null;
  machines.start({ report: parts.report(), isWatched: () => port !== null || parts.hasPages() });
  return serveMetrics(() => machineMetrics(machines.watch.machines()), port, onClose);
}
