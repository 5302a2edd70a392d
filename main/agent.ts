/**
 * The composition: the one place where the core meets its adapters. Every profile and both roles run this
 * same code; the practice requester is an agent that serves nothing.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RPCHandler as PortHandler } from '@orpc/server/message-port';
import { RPCHandler as SocketHandler } from '@orpc/server/ws';
import type { Notice, Profile } from '../shared/api/state.ts';
import { forceUnwrap } from '../shared/assert.ts';
import { AppError } from '../shared/errors.ts';
import type { AgentReady, PortRole } from '../shared/host.ts';
import { amount } from '../shared/money.ts';
import { fundFromFaucet, practiceNetwork, startPracticeChain } from './adapters/anvil/index.ts';
import {
  connectNode,
  createKeyTools,
  createSender,
  readBalances,
  signedBy,
} from './adapters/ethers/index.ts';
import { createWorkerProbe } from './adapters/gpu/index.ts';
import { closeHttp, createHttpServer, listenHttp } from './adapters/http/index.ts';
import { createNetwork, verifySigned } from './adapters/libp2p/index.ts';
import { createLlamaSpawner } from './adapters/llama/index.ts';
import { acquireFileLock, openDatabase } from './adapters/sqlite/index.ts';
import { createMachineReader } from './adapters/systeminformation/index.ts';
import {
  createChannelClaims,
  createPayer,
  createPaymentGate,
  openProviderChannels,
} from './adapters/x402/index.ts';
import type { ApiPort } from './agent/desktop-host.ts';
import { type PracticeRequester, startPracticeRequester } from './agent/practice-requester.ts';
import { firstSettings, PROFILES } from './agent/profiles.ts';
import { createServing } from './agent/serving.ts';
import { plainAsset, sectionReaders } from './agent/state-sections.ts';
import { startPageServer } from './api/page-server.ts';
import { createRouter } from './api/router.ts';
import { createShellLink } from './api/shell-link.ts';
import { createStateHub, type StateHub } from './api/state-hub.ts';
import { createBenchmark, joinProbes } from './core/benchmark/index.ts';
import { createCalendar } from './core/calendar/index.ts';
import { createEngineSupervisor } from './core/engine/index.ts';
import { createGateway } from './core/gateway/index.ts';
import { openHome } from './core/home/index.ts';
import { createOffers, readOffer } from './core/identity/index.ts';
import { bookSettlement, createJobs, recoverBooks } from './core/jobs/index.ts';
import { createLedger } from './core/ledger/index.ts';
import { createModelStore } from './core/models/index.ts';
import { createDirectory } from './core/network/index.ts';
import { createSettlement } from './core/payments/index.ts';
import { startRequester } from './core/practice/index.ts';
import { createPresence } from './core/presence/index.ts';
import { createProviderService } from './core/provider/index.ts';
import { createSettings } from './core/settings/index.ts';
import { openWallet, passphraseFromFile, practicePassphrase } from './core/wallet/index.ts';
import type { Balances, ChainNetwork } from './ports/chain.ts';
import { systemClock } from './ports/clock.ts';
import type { Engine } from './ports/engine.ts';
import type { ChainSender } from './ports/evm.ts';
import type { Inventory, MachineReadings } from './ports/machine.ts';

export interface AgentConfig {
  readonly home: string;
  readonly profile: Profile;
  readonly host: 'desktop' | 'headless';
  /** The practice requester buys and serves nothing. */
  readonly role: 'owner' | 'practice-requester';
  /** 0 takes any free port. */
  readonly pagePort: number;
  readonly gatewayPort: number;
  readonly passphraseFile: string | null;
  readonly rpcUrl: string | null;
  /** Multiaddrs of peers to connect to. */
  readonly connect: readonly string[];
  readonly quietRequester: boolean;
  /** This program's entry file, to start the second agent from. */
  readonly entry: string;
}

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

const BALANCE_INTERVAL_MS = 30_000;
const READINGS_INTERVAL_MS = 5_000;
const STOP_GRACE_MS = 1_000;
const REQUESTER_PACE_MS = 12_000;
const CHANNELS_MAX = 8;
const WAIT_FOR_PEERS_MS_MAX = 30_000;
const REDIAL_MS = 500;

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
    return await compose(config, hooks, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(
  config: AgentConfig,
  hooks: AgentHooks,
  closers: (() => void | Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Agent> {
  const clock = systemClock;
  const startedAtMs = clock.now();
  const terms = PROFILES[config.profile];
  const serves = config.role === 'owner';

  // Home, books and settings: everything that needs no network.
  const home = openHome({ root: config.home, acquireLock: acquireFileLock, pid: process.pid });
  closers.push(() => home.close());
  const database = openDatabase(home.paths.database);
  closers.push(() => database.close());
  const { records } = database;
  const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const ledger = createLedger({ store: database.ledger, clock, calendar });
  ledger.verifyBalanced();
  const jobs = createJobs({ records: database.jobs, ledger, clock });
  const settings = createSettings({ records, defaults: firstSettings(config.profile, config.host) });
  const presence = createPresence({ clock, calendar, records, settings: settings.get });
  closers.push(() => presence.stop());
  settings.onChange(() => presence.refresh());

  // Keys and chain.
  const chain = await openChain(config, home.paths.chain, closers);
  const passphrase =
    config.profile === 'practice'
      ? practicePassphrase(home.paths.keys)
      : passphraseFromFile(
          forceUnwrapOption(config.passphraseFile, `The profile ${config.profile} needs --passphrase-file.`),
        );
  const wallet = await openWallet({
    folder: home.paths.keys,
    passphrase,
    keys: createKeyTools(),
    createIfAbsent: true,
  });
  const { funds, session, gas } = wallet.accounts;
  const node = connectNode(chain);
  closers.push(() => node.close());
  if (config.profile === 'practice') await fillPracticeWallet();

  async function fillPracticeWallet(): Promise<void> {
    const give = async (address: string, token: bigint) => {
      const before = await readBalances(node, address, clock);
      if (before.token === null || before.coin === null) {
        throw new AppError('chain-unavailable', 'The practice chain does not answer.');
      }
      await fundFromFaucet(chain, address, amount(before.token < token ? token - before.token : 0n));
      const after = await readBalances(node, address, clock);
      const reference = `${address}:${clock.now()}`;
      const book = (assetId: string, gained: bigint) => {
        if (gained > 0n)
          ledger.faucet({ reference: `${reference}:${assetId}`, assetId, amount: amount(gained) });
      };
      book(chain.token.id, (after.token ?? before.token) - before.token);
      book(chain.coin.id, (after.coin ?? before.coin) - before.coin);
    };
    if (serves) await give(gas.address, 0n);
    else await give(funds.address, PRACTICE_PURSE);
  }

  // Peers.
  const network = await createNetwork({
    folder: home.paths.keys,
    listen: terms.listen,
    clock,
    mdns: terms.mdns,
  });
  await network.start();
  closers.push(() => network.stop());

  // The machine and its engine.
  const machine = createMachineReader();
  const engine = createEngineSupervisor({ spawn: createLlamaSpawner(), clock });
  closers.push(() => engine.stop());
  const models = createModelStore({
    home: home.paths.root,
    clock,
    budgetBytes: () => settings.get().modelBudgetBytes,
  });
  const shell = createShellLink();
  const thread = createWorkerProbe();
  const windowProbe = joinProbes(shell.gpuProbe, thread);
  const benchmark = createBenchmark({
    gpuProbe: { run: (signal) => (shell.connected() ? windowProbe : thread).run(signal) },
    engine,
    machine,
    store: database.benchmarks,
    clock,
  });
  closers.push(() => benchmark.abort('Idlewatt is closing.'));

  // What is sold.
  const providerChannels = await openProviderChannels({
    network: chain,
    payout: funds.address,
    authorizer: session,
    sender: bookFees(createSender(node, gas)),
    store: records,
    withdrawDelaySeconds: terms.withdrawDelaySeconds,
    depositMin: amount(terms.depositMin),
  });
  /** Whatever is sent for us costs a fee, also a deposit that we relay; claims book theirs again, to no effect. */
  function bookFees(sender: ChainSender): ChainSender {
    return {
      ...sender,
      async waitForReceipt(hash, timeoutMs) {
        const receipt = await sender.waitForReceipt(hash, timeoutMs);
        ledger.networkFee({ txHash: receipt.hash, assetId: chain.coin.id, amount: receipt.fee });
        return receipt;
      },
    };
  }
  const claims = createChannelClaims(providerChannels, clock);
  const books = {
    jobs,
    ledger,
    transaction: database.transaction,
    tokenId: chain.token.id,
    coinId: chain.coin.id,
  };
  recoverBooks(books, claims.accounts());
  const settlement = createSettlement({
    claims,
    clock,
    threshold: () => amount(settings.get().settleThreshold),
  });
  let servedModel = (): string | null => null;
  const offers = createOffers({
    key: network.key,
    clock,
    terms: () => {
      const status = engine.status();
      const loaded = status.state === 'ready' ? status.loaded : null;
      const { priceInputPerMillion, priceOutputPerMillion } = settings.get();
      return {
        payout: funds.address,
        networks: [chain.id],
        asset: plainAsset(chain.token),
        models: loaded
          ? [
              {
                id: loaded.model.id,
                sha256: loaded.model.sha256,
                quantisation: loaded.quantisation,
                contextTokens: loaded.contextTokens,
                price: { inputPerMillion: priceInputPerMillion, outputPerMillion: priceOutputPerMillion },
                ...benchmark.offerSpeeds(loaded.model.id),
              },
            ]
          : [],
        slots: loaded?.sequences ?? 0,
      };
    },
    provePayout: (text) => funds.signMessage(text),
  });
  const provider = createProviderService({
    engine,
    gate: createPaymentGate(providerChannels),
    key: network.key,
    clock,
    jobs,
    offers,
    presence: presence.current,
    // core/jobs books the charge in the step that makes it final.
    onCharged: () => hub.changed('money'),
    onActive: () => hub.changed('work'),
    onFault: fault,
  });
  if (serves) {
    const server = createHttpServer(provider.app);
    network.serve(server);
    closers.push(() => closeHttp(server));
    closers.push(() => provider.close(STOP_GRACE_MS));
  }

  // What people see.
  const notices = new Map<Notice['code'], Notice>();
  const notice = (entry: Notice | null, code: Notice['code']) => {
    if (entry === null) notices.delete(code);
    else notices.set(code, entry);
    hub.changed('app');
  };
  let inventory: Inventory | null = null;
  let readings: MachineReadings | null = null;
  let balances: Balances | null = null;
  let gateway: { baseUrl: string; key: string } | null = null;
  const hub: StateHub = createStateHub({
    clock,
    readers: sectionReaders({
      version: readVersion(),
      profile: config.profile,
      host: config.host,
      startedAtMs,
      clock,
      calendar,
      notices: () => [...notices.values()],
      presence,
      engine,
      activeJobs: provider.active,
      servedModel: () => servedModel(),
      jobs,
      ledger,
      settlement,
      settings,
      models,
      benchmark,
      inventory: () => inventory,
      readings: () => readings,
      balances: () => balances,
      chain,
      networkName: terms.networkName,
      payout: funds.address,
      network,
      gateway: () => gateway,
    }),
  });
  closers.push(() => hub.close());
  presence.onChange(() => hub.changed('work'));
  jobs.onChange(() => hub.changed('work', 'money'));
  settings.onChange(() => hub.changed('settings', 'models', 'money'));
  models.onChange(() => hub.changed('models'));
  benchmark.onChange(() => hub.changed('machine'));
  network.onPeers(() => hub.changed('network'));
  void machine.inventory().then((found) => {
    inventory = found;
    hub.changed('machine');
  }, fault);
  const readMachine = async () => {
    readings = await machine.readings();
    hub.changed('machine', 'network');
  };
  const refreshBalances = async () => {
    const [held, forFees] = await Promise.all([
      readBalances(node, funds.address, clock),
      readBalances(node, gas.address, clock),
    ]);
    const coin = held.coin === null || forFees.coin === null ? null : amount(held.coin + forFees.coin);
    balances = { ...held, coin };
    hub.changed('wallet');
  };
  await refreshBalances();
  const whileWatched = (read: () => Promise<void>) => () => {
    if (hub.watched()) void read().catch(fault);
  };
  for (const timer of [
    clock.every(READINGS_INTERVAL_MS, whileWatched(readMachine)),
    clock.every(BALANCE_INTERVAL_MS, whileWatched(refreshBalances)),
  ]) {
    closers.push(() => timer.cancel());
  }

  settlement.onEvent((event) => {
    bookSettlement(books, event);
    if (event.type === 'waiting') {
      const details = { reason: event.reason };
      notice({ code: 'settlement-waiting', severity: 'warning', details }, 'settlement-waiting');
    } else {
      notice(null, 'settlement-waiting');
      void refreshBalances().catch(fault);
    }
    hub.changed('money', 'work');
  });
  if (serves) {
    settlement.start();
    closers.push(() => settlement.stop());
  }

  // What is bought.
  if (!serves || config.profile !== 'practice') {
    const payer = createPayer({
      network: chain,
      funds,
      session,
      chain: node,
      store: records,
      clock,
      deposit: amount(terms.deposit),
      depositMax: amount(terms.deposit * 10n),
      channelsMax: CHANNELS_MAX,
      onDeposit: ({ channelId, amount: deposited, txHash }) => {
        ledger.deposited({ txHash, channelId, assetId: chain.token.id, amount: deposited });
      },
    });
    const directory = createDirectory({
      network,
      clock,
      readOffer: (jws, peer) =>
        readOffer(jws, peer, {
          verifySigned,
          verifyPayout: async (text, proof, address) => signedBy(address, text, proof),
          clock,
        }),
    });
    directory.start();
    closers.push(() => directory.stop());
    const key = gatewayKey(join(home.paths.keys, 'gateway-key'));
    const service = createGateway({
      network,
      directory,
      payer,
      verifySigned,
      clock,
      jobs,
      key,
      accepts: (offer) => offer.networks.includes(chain.id) && offer.asset.id === chain.token.id,
      onBought: ({ channelId, cumulative }) => {
        // An answer that was lost on the way was charged all the same; the next one's total shows it.
        if (channelId !== null && cumulative !== null) {
          const total = amount(cumulative);
          ledger.recoverCharges({ side: 'bought', channelId, assetId: chain.token.id, total });
        }
        hub.changed('money');
      },
      onFault: fault,
    });
    const server = createHttpServer(service.app);
    const port = await listenHttp(server, { host: '127.0.0.1', port: config.gatewayPort });
    // Closers run in reverse: nothing new comes in, and then what was bought is booked.
    closers.push(() => Promise.race([service.idle(), sleep(STOP_GRACE_MS)]));
    closers.push(() => closeHttp(server));
    gateway = { baseUrl: `http://127.0.0.1:${port}/v1`, key };
  }
  for (const address of config.connect) await connectPatiently(address);

  /** A peer that is being started is not there at once. */
  async function connectPatiently(address: string): Promise<void> {
    const deadline = clock.monotonic() + WAIT_FOR_PEERS_MS_MAX;
    for (;;) {
      try {
        await network.connect(address);
        return;
      } catch (error) {
        if (clock.monotonic() > deadline) throw error;
        await sleep(REDIAL_MS);
      }
    }
  }

  const serving = createServing({
    engine,
    models,
    presence,
    machine,
    records,
    clock,
    tinyMayServe: config.profile === 'practice',
    handBack: provider.handBack,
    notice,
    onChange: () => hub.changed('work', 'models', 'network'),
  });
  servedModel = () => (serves ? serving.modelId() : null);
  closers.push(() => serving.stop());

  const router = createRouter({
    hub,
    presence,
    jobs,
    ledger,
    settings,
    benchmark,
    models,
    settlement,
    activateModel: serving.activate,
    refreshBalances,
    shell,
    assetId: chain.token.id,
    coinId: chain.coin.id,
    quit: hooks.quit,
  });

  let page: AgentReady['page'] = null;
  if (config.host === 'headless') {
    const token = randomBytes(24).toString('hex');
    const handler = new SocketHandler(router);
    const server = await startPageServer({
      port: config.pagePort,
      token,
      folder: join(import.meta.dirname, '..', 'dist', 'renderer'),
      onConnection: (socket) => void handler.upgrade(socket, { context: { role: 'page' } }).catch(fault),
    });
    closers.push(() => server.close());
    page = { url: server.url, token };
  }

  // The practice network's customer: a second process that knows two addresses.
  let requester: PracticeRequester | null = null;
  let requesterReady: AgentReady | null = null;
  if (serves && config.profile === 'practice') {
    requester = startPracticeRequester({
      entry: config.entry,
      home: home.paths.requester,
      connect: forceUnwrap('a started network has an address', network.addresses()[0]),
      rpcUrl: chain.rpcUrl,
      gatewayPort: config.gatewayPort,
      quiet: config.quietRequester,
      clock,
      onGaveUp: (cause) =>
        notice(
          { code: 'practice-requester-stopped', severity: 'error', details: { cause } },
          'practice-requester-stopped',
        ),
    });
    const running = requester;
    closers.push(() => running.stop());
    requesterReady = await running.started;
    gateway = requesterReady.gateway;
  }
  if (!serves && gateway !== null && !config.quietRequester) {
    const asking = startRequester({ gateway, clock, seed: clock.now(), paceMs: REQUESTER_PACE_MS, fetch });
    closers.push(() => asking.stop());
  }

  if (serves) {
    serving.start();
    measureOnce();
  }

  /** The first measurement starts by itself once something is served: offers then promise what was measured. */
  function measureOnce(): void {
    if (benchmark.state().state !== 'never') return;
    const unsubscribe = engine.onStatus((status) => {
      if (status.state !== 'ready') return;
      unsubscribe();
      benchmark.run().catch(() => undefined);
    });
  }

  const portHandler = new PortHandler(router);
  return {
    ready: {
      pid: process.pid,
      home: home.paths.root,
      profile: config.profile,
      page,
      gateway,
      peer: { id: network.key.peer, addresses: [...network.addresses()] },
      chain: { id: chain.id, rpcUrl: chain.rpcUrl, token: chain.token.address },
      requester: requesterReady?.page ? { pid: requesterReady.pid, page: requesterReady.page } : null,
    },
    attach: (port, role) => portHandler.upgrade(port, { context: { role } }),
    engine,
    stop,
  };
}

/** What the practice requester has in its purse when it starts: one thousand. */
const PRACTICE_PURSE = 1_000_000_000n;

async function openChain(
  config: AgentConfig,
  folder: string,
  closers: (() => void | Promise<void>)[],
): Promise<ChainNetwork> {
  const { chain } = PROFILES[config.profile];
  if (chain !== null) return config.rpcUrl === null ? chain : { ...chain, rpcUrl: config.rpcUrl };
  if (config.rpcUrl !== null) return practiceNetwork(config.rpcUrl);
  const practice = await startPracticeChain({ folder });
  closers.push(() => practice.stop());
  return practice.network;
}

function forceUnwrapOption(value: string | null, message: string): string {
  if (value === null) throw new AppError('keystore-locked', message);
  return value;
}

/** What clients of the gateway send as their API key: made once, readable by the owner alone. */
function gatewayKey(path: string): string {
  if (!existsSync(path)) writeFileSync(path, `iw-${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}

/** The version in package.json, beside the sources and inside the packaged app alike. */
function readVersion(): string {
  const file = readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}

function fault(error: unknown): void {
  console.error('idlewatt:', error instanceof Error ? (error.stack ?? error.message) : error);
}
