/**
 * For tests: a provider and a buyer in one process that can be killed at any moment. A killed one has no connection any
 * more; the next one has only what was on disk at that moment.
 */
import { cpSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import type { GatewayAddress } from '../../main/agent/buying.ts';
import { createBindings, createOffers } from '../../main/core/identity/index.ts';
import { openAnswerFiles, PROVIDER_LIMITS } from '../../main/core/provider/index.ts';
import type { Clock, TimerWork } from '../../main/ports/clock.ts';
import type { Network } from '../../main/ports/network.ts';
import type { AdmittedPayment, PaymentGate } from '../../main/ports/payments.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { textsOf } from '../../shared/asked.ts';
import { AppError } from '../../shared/errors.ts';
import { plainAsset } from '../../shared/money.ts';
import type { ManualClock } from '../fakes/clock.ts';
import { createFakeEngine } from '../fakes/engine.ts';
import { createFakeProvider, FAKE_LIFE, OFFERED } from '../fakes/market.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';
import { composeBuyer } from './composed-buyer.ts';
import { openProvider } from './paid-service.ts';

/** One run of a provider or a buyer. */
class Life {
  readonly #ended = new AbortController();
  isOver = false;

  readonly signal = this.#ended.signal;

  end(): void {
    this.isOver = true;
    this.#ended.abort();
  }

  /** Wraps a method so that it never resolves for a run that was killed. */
  during<Args extends unknown[], T>(run: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    const never = new Promise<never>(() => undefined);
    return async (...args) => {
      if (this.isOver) return never;
      const result = await run(...args).catch((error: unknown) =>
        this.isOver ? never : Promise.reject(error),
      );
      return this.isOver ? never : result;
    };
  }
}

/** A killed run’s timers do nothing. */
function mortalClock(clock: ManualClock, life: Life): Clock {
  const during = (run: TimerWork): (() => void) => {
    return () => {
      if (!life.isOver) void run();
    };
  };
  return {
    ...clock,
    after: (delayMs, run) => clock.after(delayMs, during(run)),
    every: (intervalMs, run) => clock.every(intervalMs, during(run)),
  };
}

export interface MarketParts {
  readonly chain: PracticeChain;
  readonly clock: ManualClock;
  readonly folder: string;
  /** Called at each moment at which a kill may come. */
  readonly moment: () => void;
}

/** Prices at which each token costs whole base units. */
const MODEL = { ...OFFERED, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };

export interface MortalProvider {
  readonly network: Network;
  /** Total charge of all channels. */
  charged(): bigint;
  kill(): void;
  /** Starts with what was on disk. */
  start(): Promise<void>;
}

export async function openMortalProvider(
  { chain, clock, folder, moment }: MarketParts,
  network: Network,
  accounts: WalletAccounts,
): Promise<MortalProvider> {
  let store = createMemoryRecordStore();
  let life = new Life();
  let charged = () => 0n;
  const offers = createOffers({
    key: network.key,
    clock,
    terms: () => ({
      payout: accounts.funds.address,
      networks: [chain.network.id],
      asset: plainAsset(chain.network.token),
      models: [MODEL],
      slots: FAKE_LIFE.sequences,
    }),
    bindings: createBindings({ key: network.key, clock, payout: accounts.funds, network: chain.network.id }),
  });

  async function start(): Promise<void> {
    const own = new Life();
    const { gate, claims } = await openProvider(chain, accounts, { store });
    const ownClock = mortalClock(clock, own);
    const files = openAnswerFiles(join(folder, 'kept-answers'), ownClock, PROVIDER_LIMITS);
    const engine = createFakeEngine({
      loaded: FAKE_LIFE,
      answer: (request) => `${textsOf(request).at(-1) ?? ''}`.split(' ').map((word) => `${word} `),
      async beforeToken() {
        moment();
        await new Promise((resolve) => setImmediate(resolve));
      },
    });
    life = own;
    charged = () => claims.accounts().reduce((sum, account) => sum + account.charged, 0n);
    createFakeProvider(network, {
      ...{ engine, clock: ownClock, offers, gate: mortalGate(gate, own, moment) },
      answerFiles: {
        write: own.during(files.write),
        read: own.during(files.read),
        remove: own.during(files.remove),
      },
      limits: { freePerPeerMax: 1_000_000, unfundedPerPeerMax: 1_000, chainWorkPerPeerMax: 1_000 },
    });
  }

  await start();
  return {
    network,
    charged: () => charged(),
    kill() {
      life.end();
      store = createMemoryRecordStore(store.snapshot());
    },
    start,
  };
}

function mortalGate(gate: PaymentGate, life: Life, moment: () => void): PaymentGate {
  const mortal = (payment: AdmittedPayment): AdmittedPayment => ({
    ...payment,
    settle: life.during(async (charge) => {
      moment();
      if (life.isOver) return new Promise<never>(() => undefined);
      const settled = await payment.settle(charge);
      moment();
      return settled;
    }),
    cancel: life.during(payment.cancel),
  });
  return {
    ...gate,
    admit: life.during(async (request) => {
      const admission = await gate.admit(request);
      return admission.kind === 'admitted' ? { ...admission, payment: mortal(admission.payment) } : admission;
    }),
  };
}

export interface MortalBuyer {
  gateway(): GatewayAddress;
  /** Its data folder now. */
  home(): string;
  kill(): void;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Buys as the agent does. `isAway`: the provider can't be reached. */
export async function openMortalBuyer(
  { chain, clock, folder, moment }: MarketParts,
  network: Network,
  { accounts, isAway }: { readonly accounts: WalletAccounts; readonly isAway: () => boolean },
): Promise<MortalBuyer> {
  const newHome = () => mkdtempSync(join(folder, 'buyer-'));
  let home = newHome();
  let life = new Life();
  let close = async () => {};
  let gateway: GatewayAddress | null = null;

  async function start(): Promise<void> {
    const own = new Life();
    const opened = await composeBuyer({
      ...{ chain, accounts, home, profile: 'practice' },
      clock: mortalClock(clock, own),
      network: mortalNetwork(network, own, { moment, isAway }),
    });
    [life, close, gateway] = [own, opened.close, opened.gateway];
    await opened.directory.find(null);
  }

  await start();
  return {
    home: () => home,
    gateway() {
      if (gateway === null) throw new Error('the buyer has started');
      return gateway;
    },
    kill() {
      const next = newHome();
      // What a transaction hasn't ended isn't in the copy either.
      cpSync(home, next, { recursive: true, filter: (path) => !path.endsWith('-shm') });
      life.end();
      home = next;
      // What is left of it writes to the former folder only.
      void close().catch(() => undefined);
    },
    start,
    close: () => close(),
  };
}

function mortalNetwork(
  network: Network,
  life: Life,
  { moment, isAway }: { readonly moment: () => void; readonly isAway: () => boolean },
): Network {
  return {
    ...network,
    fetch: life.during(async (peer, path, init) => {
      moment();
      if (isAway())
        throw new AppError('peer-unreachable', 'Could not reach the peer.', { details: { peer } });
      const signals = [life.signal, ...(init.signal ? [init.signal] : [])];
      const response = await network.fetch(peer, path, { ...init, signal: AbortSignal.any(signals) });
      moment();
      return response;
    }),
  };
}
