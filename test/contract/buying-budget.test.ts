/**
 * Verifies: a buyer whose gateway meets strangers loses at most its budget, for all demands and failures.
 * Setup: a gateway composed as in the agent, on a real local chain; providers over plain HTTP that take deposits and
 * answer every request with an error.
 * Fails if: offers lock up more than one small deposit per request, a provider that demands more gets money, or a
 * stranger keeps a request from a provider that works.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodePaymentRequiredHeader, encodePaymentRequiredHeader } from '@x402/core/http';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode, createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { parsePayment } from '../../main/adapters/x402/wire.ts';
import { createDayTotals } from '../../main/core/budget/day-totals.ts';
import { createBudget } from '../../main/core/budget/index.ts';
import { createGateway } from '../../main/core/gateway/index.ts';
import type { Directory } from '../../main/core/network/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { askedCostMax } from '../../shared/asked.ts';
import { amount } from '../../shared/money.ts';
import type { Offer } from '../../shared/offer.ts';
import type { Price } from '../../shared/price.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { CHAT_PATH, PAYMENT_HEADER, PAYMENT_REQUIRED_HEADER } from '../../shared/wire.ts';
import { createTestKeys, TEST_KEY } from '../fakes/gateway-keys.ts';
import { createFakeJobs } from '../fakes/jobs.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { OFFERED } from '../fakes/market.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';
import { manualUptime } from '../fakes/uptime.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts, openProvider, openRequester, reach, type Service, serve } from './paid-service.ts';

const USDC = 1_000_000n;
const QUESTION = 'Hi';
const TOKENS_MAX = 16;
const CHEAP: Price = { inputPerMillion: '1', outputPerMillion: '1' };
const DEAR: Price = { inputPerMillion: '1000000', outputPerMillion: '4000000' };
/** Maximum cost of the question at the price {@link DEAR}. */
const ASKED = {
  prompt: { kind: 'chat', messages: [{ role: 'user', content: QUESTION }] },
  choices: 1,
} as const;
const COST = askedCostMax(DEAR, ASKED, TOKENS_MAX);
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-budget-'));
let chain: PracticeChain;
const services: Service[] = [];

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
});

after(async () => {
  for (const service of services) await service.close();
  await chain.stop();
  rmSync(folder, { recursive: true });
});

/** A provider with a minimum deposit of its choice that answers every paid request with an error. */
async function openFailing(depositMin: bigint): Promise<Service> {
  const accounts = await makeAccounts();
  await chain.fund(accounts.gas.address, amount(0));
  const service = await serve(await openProvider(chain, accounts, { depositMin: amount(depositMin) }));
  service.ceiling = amount(1n);
  service.work = async (payment, response) => {
    await payment.cancel();
    response.writeHead(500).end('{}');
  };
  services.push(service);
  return service;
}

/** A buyer with a gateway that knows these providers, each at this price. */
async function openBuyer(providers: readonly Service[], price: Price = CHEAP) {
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address, amount(100n * USDC));
  const node = connectNode(chain.network);
  const records = createMemoryRecordStore();
  const budget = createBudget({
    records,
    clock: systemClock,
    uptime: manualUptime(systemClock),
    log: createRecordingLog(),
    settings: () => DEFAULT_SETTINGS,
    depositUsual: USDC,
  });
  const requester = openRequester(chain, accounts, {
    limits: budget.deposits,
    sender: createSender(node, accounts.funds),
    store: records,
    channelsMax: 8,
  });
  const avoided: string[] = [];
  const offers = new Map(
    providers.map(({ provider }, index) => [
      `peer-${index}`,
      offerOf(`peer-${index}`, provider.gate.payout, price),
    ]),
  );
  const directory = {
    find: async () => [...offers].map(([peer, offer]) => ({ peer, offer })),
    providers: () => [...offers].map(([peer, offer]) => ({ peer, offer })),
    refresh: async (peer: string) => offers.get(peer) ?? null,
    avoid(peer: string) {
      avoided.push(peer);
      offers.delete(peer);
    },
  } as Partial<Directory> as Directory;
  const gateway = createGateway({
    network: {
      fetch: (peer, path, init) => fetch(`${providers[Number(peer.slice(5))]?.url}${path}`, init),
    },
    directory,
    payer: requester.payer,
    budget,
    verifySigned: async () => ({}),
    clock: systemClock,
    jobs: createFakeJobs(),
    keys: createTestKeys(),
    onBought: () => undefined,
  });
  const ask = () =>
    gateway.app.request('http://127.0.0.1/v1/chat/completions', {
      method: 'POST',
      headers: { host: '127.0.0.1', authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: OFFERED.id,
        messages: [{ role: 'user', content: QUESTION }],
        max_tokens: TOKENS_MAX,
      }),
    });
  const locked = async () => (await requester.payer.deposits()).reduce((sum, { total }) => sum + total, 0n);
  const tokens = async () => (await readBalances(node, accounts.funds.address, systemClock)).token ?? -1n;
  const skip = async (seconds: number) => {
    await node.send('evm_increaseTime', [seconds]);
    await node.send('evm_mine', []);
  };
  const chargedToday = () =>
    createDayTotals(records, { now: systemClock.now, save: () => undefined }).get().charged;
  return { ask, locked, tokens, skip, requester, budget, avoided, chargedToday };
}

function offerOf(peer: string, payout: string, price: Price): Offer {
  return {
    peer,
    payout,
    binding: null,
    networks: [chain.network.id],
    asset: chain.network.token,
    models: [{ ...OFFERED, price }],
    slots: 4,
    issuedAtMs: 0,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  };
}

test('four strangers that demand a deposit of 1 USDC each get nothing', async () => {
  const strangers = await Promise.all([1, 2, 3, 4].map(() => openFailing(USDC)));
  const { ask, locked, requester } = await openBuyer(strangers);
  for (let question = 0; question < 2; question += 1) {
    const response = await ask();
    assert.equal(response.status, 402);
  }
  assert.deepEqual([await locked(), requester.deposits.length], [0n, 0]);
});

test('strangers with a small deposit get one each, and a request reaches one of them', async () => {
  const strangers = await Promise.all([1, 2, 3, 4].map(() => openFailing(10_000n)));
  const { ask, locked, requester } = await openBuyer(strangers);
  assert.equal((await ask()).status, 500);
  assert.deepEqual([await locked(), requester.deposits.length], [10_000n, 1]);
  assert.equal((await ask()).status, 500);
  assert.deepEqual([await locked(), requester.deposits.length], [20_000n, 2]);
  for (let question = 0; question < 6; question += 1) await ask();
  assert.equal(await locked(), 40_000n, 'a provider that failed gets no second deposit');
});

/**
 * A provider that charges each request in full and then refuses it: with the proof of the charge, as for a voucher that
 * was used before, or as if it were paused.
 */
async function openCharging(how: 'proof' | 'pause', asked: { count: number }): Promise<Service> {
  const service = await openFailing(10_000n);
  service.ceiling = COST;
  const { gate } = service.provider;
  service.work = async (payment, response) => {
    asked.count += 1;
    await payment.settle(COST);
    const header = String(response.req.headers[PAYMENT_HEADER]);
    const again = await gate.admit({
      method: 'POST',
      path: CHAT_PATH,
      header: (name) => (name.toLowerCase() === PAYMENT_HEADER ? header : undefined),
      ceiling: COST,
      description: 'test',
    });
    assert.equal(again.kind, 'answered');
    if (again.kind !== 'answered') return;
    if (how === 'pause') response.writeHead(503).end('{}');
    else response.writeHead(again.status, again.headers).end(again.body);
  };
  return service;
}

for (const how of ['proof', 'pause'] as const) {
  test(`a provider that charges for a request and refuses it (${how}) is left out, and its charge counts`, async () => {
    const asked = { count: 0 };
    const provider = await openCharging(how, asked);
    const { ask, budget, avoided, requester, chargedToday } = await openBuyer([provider], DEAR);
    await ask();
    await requester.payer.idle();
    assert.equal(asked.count, 1, 'its first charge is its last');
    assert.deepEqual(avoided, ['peer-0']);
    assert.equal(budget.hasFailed('peer-0'), true);
    const [channel] = await requester.payer.returns.channels();
    assert.equal(channel?.left, 10_000n - COST, 'the books have the charge');
    assert.equal(chargedToday(), COST, 'so has the budget of the day');
  });
}

test('a provider that refuses a deposit to get another one gets the same one again', async () => {
  const provider = await openFailing(10_000n);
  const { requester } = await openBuyer([provider]);
  const authorizations = new Set<string>();
  let requests = 0;
  const refusing = {
    peer: 'peer-0',
    fetch: async (path: string, init: RequestInit) => {
      const header = new Headers(init.headers).get(PAYMENT_HEADER);
      if (header === null) return fetch(provider.url + path, init);
      requests += 1;
      const payment = parsePayment(header);
      assert.equal(payment?.payload.type, 'deposit');
      if (payment?.payload.type === 'deposit') authorizations.add(JSON.stringify(payment.payload.deposit));
      return Response.json({ error: { code: 'voucher-out-of-step' } }, { status: 402 });
    },
  };
  for (let request = 0; request < 2; request += 1) {
    await assert.rejects(requester.payer.lease(refusing, CHAT_PATH, amount(5n)), {
      code: 'payment-required',
    });
  }
  assert.ok(requests >= 4);
  assert.equal(authorizations.size, 1);
});

test('the validity of a deposit has a limit, whatever the provider announces', async () => {
  const provider = await openFailing(10_000n);
  const { requester } = await openBuyer([provider]);
  let validBefore = 0;
  const patient = {
    peer: 'peer-0',
    fetch: async (path: string, init: RequestInit) => {
      const header = new Headers(init.headers).get(PAYMENT_HEADER);
      if (header === null) {
        const response = await fetch(provider.url + path, init);
        const required = decodePaymentRequiredHeader(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
        for (const accept of required.accepts) accept.maxTimeoutSeconds = 10 ** 9;
        const headers = { [PAYMENT_REQUIRED_HEADER]: encodePaymentRequiredHeader(required) };
        return new Response('{}', { status: 402, headers });
      }
      const payment = parsePayment(header);
      if (
        payment?.payload.type === 'deposit' &&
        'erc3009Authorization' in payment.payload.deposit.authorization
      )
        validBefore = Number(payment.payload.deposit.authorization.erc3009Authorization.validBefore);
      return new Response('{}', { status: 500 });
    },
  };
  await assert.rejects(requester.payer.lease(patient, CHAT_PATH, amount(5n)));
  const leftS = validBefore - Date.now() / 1_000;
  assert.ok(leftS > 0 && leftS <= 600, `${leftS} s`);
});

/** A buyer with a deposit of 10,000 at a provider that failed. */
async function openStranded() {
  const provider = await openFailing(10_000n);
  const buyer = await openBuyer([provider]);
  assert.equal((await buyer.ask()).status, 500);
  const [channel] = await buyer.requester.payer.returns.channels();
  assert.deepEqual([channel?.peer, channel?.balance, channel?.left], ['peer-0', 10_000n, 10_000n]);
  return { ...buyer, provider, channelId: channel?.channelId ?? assert.fail() };
}

test('a deposit comes back immediately if the provider cooperates', async () => {
  const { requester, provider, channelId, tokens } = await openStranded();
  const before = await tokens();
  const back = await requester.payer.returns.refund(reach(provider, 'peer-0'), channelId);
  assert.deepEqual(
    back.map((each) => each.amount),
    [10_000n],
  );
  assert.equal((await tokens()) - before, 10_000n);
  const [channel] = await requester.payer.returns.channels();
  assert.deepEqual([channel?.balance, channel?.left], [0n, 0n]);
});

test('a deposit comes back after the delay if the provider does not cooperate', async () => {
  const { requester, provider, channelId, tokens, skip } = await openStranded();
  const { returns } = requester.payer;
  const silent = { peer: 'peer-0', fetch: async () => new Response('{}', { status: 500 }) };
  await assert.rejects(returns.refund(silent, channelId), { code: /peer-unreachable|payment-required/ });
  const before = await tokens();
  assert.equal((await returns.withdraw(channelId)).kind, 'started');
  assert.equal((await returns.withdraw(channelId)).kind, 'waiting');
  await skip(3_601);
  const done = await returns.withdraw(channelId);
  assert.equal(done.kind === 'returned' && done.deposit.amount, 10_000n);
  assert.equal((await tokens()) - before, 10_000n);
  assert.deepEqual(
    (await returns.returned(channelId)).map((each) => each.amount),
    [10_000n],
  );
  assert.equal((await returns.channels())[0]?.withdrawal, null);
  provider.work = null;
});
