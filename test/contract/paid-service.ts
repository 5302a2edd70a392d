/** For tests: a provider that sells through our ports over plain HTTP, a requester that buys, and their chain. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import {
  type ChainNode,
  connectNode,
  createAccount,
  createSender,
} from '../../main/adapters/ethers/index.ts';
import { recoverSigner } from '../../main/adapters/secp256k1/index.ts';
import {
  createChannelClaims,
  createPayer,
  createPaymentGate,
  type LearnedCharge,
  openProviderChannels,
  type PaidDeposit,
  type PayerOptions,
  type ProviderChannels,
} from '../../main/adapters/x402/index.ts';
import { createSettlement, type ScheduledSettlement } from '../../main/core/payments/index.ts';
import type { ChainNetwork, CoinPrice } from '../../main/ports/chain.ts';
import type { ChannelClaims } from '../../main/ports/claims.ts';
import { systemClock } from '../../main/ports/clock.ts';
import {
  CHANNEL_PATH,
  type DepositLimits,
  PAYMENT_RESPONSE_HEADER,
  type PaidProvider,
  type PaymentClient,
  type PaymentGate,
} from '../../main/ports/payments.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { AppError } from '../../shared/errors.ts';
import { type Amount, amount } from '../../shared/money.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../fakes/record-store.ts';
import { TEST_METHODS } from './chain-methods.ts';

export const PAID_PATH = CHAT_PATH;
export const CEILING = amount(500);
export const DEPOSIT_MIN = amount(2_000);
export const WITHDRAW_DELAY_SECONDS = 3_600;

/** Creates random keys without the derivation and the keystore file of a wallet, which take ten times as long. */
export async function makeAccounts(): Promise<WalletAccounts> {
  const account = () => createAccount(`0x${randomBytes(32).toString('hex')}`);
  return { funds: account(), session: account(), gas: account() };
}

export interface Provider {
  readonly accounts: WalletAccounts;
  readonly store: MemoryRecordStore;
  readonly channels: ProviderChannels;
  readonly gate: PaymentGate;
  readonly claims: ChannelClaims;
  readonly settlement: ScheduledSettlement;
  readonly node: ChainNode;
}

export interface ProviderSetup {
  /** Records of an earlier provider; empty by default. */
  readonly store?: MemoryRecordStore;
  /** Verifier of vouchers: our own fast check (default) or x402's server. */
  readonly checks?: 'ourselves' | 'x402';
  readonly network?: Partial<ChainNetwork>;
  /** Price of the coin, from which the minimum deposit follows; unknown by default. */
  readonly coinPrice?: () => CoinPrice;
  readonly depositMin?: Amount;
}

/** Opens a provider on the chain. */
export async function openProvider(
  chain: PracticeChain,
  accounts: WalletAccounts,
  {
    store = createMemoryRecordStore(),
    checks = 'ourselves',
    network = {},
    depositMin = DEPOSIT_MIN,
    coinPrice,
  }: ProviderSetup = {},
): Promise<Provider> {
  const node = connectNode({ ...chain.network, ...network });
  const channels = await openProviderChannels({
    network: node.network,
    relayTimeouts: { answerMs: 2_000, showMs: 300 },
    payout: accounts.funds.address,
    authorizer: accounts.session,
    sender: createSender(node, accounts.gas),
    store,
    withdrawDelaySeconds: WITHDRAW_DELAY_SECONDS,
    depositMin,
    ...(coinPrice && { coinPrice }),
    ...(checks === 'ourselves' ? { recoverSigner } : {}),
  });
  const claims = createChannelClaims(channels, systemClock);
  const settlement = createSettlement({ claims, clock: systemClock, threshold: () => amount(1_000_000_000) });
  return { accounts, store, channels, gate: createPaymentGate(channels), claims, settlement, node };
}

/** Handles an admitted request; by default the service charges {@link Service.charge}. */
export type Work = (
  payment: Extract<Awaited<ReturnType<PaymentGate['admit']>>, { kind: 'admitted' }>['payment'],
  response: ServerResponse,
) => Promise<void>;

export interface Service {
  readonly url: string;
  provider: Provider;
  charge: Amount;
  ceiling: Amount;
  work: Work | null;
  /** Total charge of all responses that were sent. */
  charged: bigint;
  readonly reasons: string[];
  /** Maximum number of concurrent requests so far. */
  concurrentMax: number;
  close(): Promise<void>;
}

export async function serve(provider: Provider): Promise<Service> {
  let active = 0;
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const path = request.url ?? '/';
    const admission = await service.provider.gate.admit({
      method: request.method ?? 'GET',
      path,
      header: (name) => {
        const value = request.headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
      ceiling: path === CHANNEL_PATH ? amount(0) : service.ceiling,
      description: 'test',
    });
    if (admission.kind === 'answered') {
      service.reasons.push(admission.reason);
      response.writeHead(admission.status, admission.headers).end(admission.body);
      return;
    }
    active += 1;
    service.concurrentMax = Math.max(service.concurrentMax, active);
    try {
      if (service.work !== null) return await service.work(admission.payment, response);
      await new Promise((resolve) => setImmediate(resolve));
      const settled = await admission.payment.settle(service.charge);
      service.charged += settled.charged;
      response.writeHead(200, { [PAYMENT_RESPONSE_HEADER]: settled.paymentResponse }).end('{"ok":true}');
    } finally {
      active -= 1;
    }
  }
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(error instanceof Error ? error.message : 'failed');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: Service = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    provider,
    charge: amount(123),
    ceiling: CEILING,
    work: null,
    charged: 0n,
    reasons: [],
    concurrentMax: 0,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return service;
}

/** The service as a payer sees it. */
export function reach(service: Service, peer = 'provider-1'): PaidProvider {
  return { peer, fetch: (path, init) => fetch(service.url + path, init) };
}

export interface Requester {
  readonly accounts: WalletAccounts;
  readonly store: MemoryRecordStore;
  readonly payer: PaymentClient;
  readonly deposits: PaidDeposit[];
  /** Charges learned after a response was lost. */
  readonly charges: LearnedCharge[];
}

export function openRequester(
  chain: PracticeChain,
  accounts: WalletAccounts,
  {
    deposit = amount(20_000),
    depositMax = amount(1_000_000),
    ...options
  }: Partial<PayerOptions> & { store?: MemoryRecordStore; deposit?: Amount; depositMax?: Amount } = {},
): Requester {
  const store = options.store ?? createMemoryRecordStore();
  const deposits: PaidDeposit[] = [];
  const charges: LearnedCharge[] = [];
  const payer = createPayer({
    network: chain.network,
    funds: accounts.funds,
    session: accounts.session,
    chain: connectNode(chain.network),
    clock: systemClock,
    limits: fixedDeposits(deposit, depositMax),
    channelsMax: 3,
    onDeposit: (deposit) => deposits.push(deposit),
    onCharged: (charge) => charges.push(charge),
    ...options,
    store,
  });
  return { accounts, store, payer, deposits, charges };
}

/** Limits that don't depend on the provider. */
function fixedDeposits(deposit: Amount, depositMax: Amount): DepositLimits {
  return {
    channelsMax: () => null,
    reserve({ least }) {
      if (least > depositMax) throw new AppError('payment-required', 'The deposit is too large.');
      return least > deposit ? least : deposit;
    },
  };
}

/** Makes one paid request, with retries after refusals as in a gateway. Returns the charge. */
export async function buy(
  requester: Requester,
  provider: PaidProvider,
  ceiling: Amount = CEILING,
): Promise<Amount> {
  for (let attempt = 1; ; attempt += 1) {
    const lease = await requester.payer.lease(provider, PAID_PATH, ceiling);
    const response = await provider.fetch(PAID_PATH, { method: 'POST', headers: lease.headers });
    const body = await response.text();
    const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
    if (response.status === 200 && paid !== null) return (await lease.complete(paid)).charged;
    await lease.refused({ status: response.status, headers: Object.fromEntries(response.headers), body });
    if (attempt === 4) throw new Error(`refused: ${response.status} ${body}`);
  }
}

/** Opens a chain, and a provider and a requester with money. */
export async function openMarket(folder: string): Promise<{
  chain: PracticeChain;
  provider: Provider;
  service: Service;
  requester: Requester;
}> {
  const chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
  const [selling, buying] = await Promise.all([makeAccounts(), makeAccounts()]);
  await chain.fund(selling.gas.address, amount(0));
  await chain.fund(buying.funds.address);
  const provider = await openProvider(chain, selling);
  return { chain, provider, service: await serve(provider), requester: openRequester(chain, buying) };
}
