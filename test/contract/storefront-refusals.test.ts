/**
 * Verifies: the storefront never works unpaid, and takes no payment twice or for something else; floods are refused before
 *   anything is paid or received.
 * Setup: exact payments signed by this test, sound and wrong, over HTTP; facilitators that hang, settle late, or name
 *   another transaction; wrong keys, large and slow requests; a buyer that leaves. Real chain, ledger and payments.
 * Fails if: a refused payment reaches the market, a payment counts twice, one that arrives late is lost, or a limit is
 *   missing.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { test } from 'node:test';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import { HTTPFacilitatorClient } from '@x402/core/server';
import { withBazaar } from '@x402/extensions/bazaar';
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { createFacilitator } from '../../main/adapters/x402/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { payerCustomerId } from '../../shared/customers.ts';
import { amount } from '../../shared/money.ts';
import {
  CHAT_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
} from '../../shared/wire.ts';
import { createScriptedEngine } from '../fakes/scripted-engine.ts';
import { startFacilitator } from './loopback-facilitator.ts';
import { type Bent, exactly } from './storefront-exact.ts';
import { openStorefrontMarket, type StorefrontMarket, withStorefront } from './storefront-market.ts';
import { REQUEST as BODY, codeOf, paying, post } from './storefront-payers.ts';

let chain: PracticeChain;
let shop: StorefrontMarket;

withStorefront((opened) => {
  chain = opened.chain;
  shop = opened.shop;
});

async function exactRequirement(at: Pick<StorefrontMarket, 'url'> = shop) {
  const response = await post(at);
  assert.equal(response.status, 402);
  const required = decodePaymentRequiredHeader(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
  assert.deepEqual(
    required.accepts.map(({ scheme }) => scheme),
    ['exact', 'upto', 'batch-settlement'],
  );
  return required.accepts[0] ?? assert.fail('exact is offered');
}

const bought = (at: StorefrontMarket) =>
  at.jobs.list({ side: 'bought', outcome: 'all', limit: 100 }).jobs.length;

test('refuses payments that are too small, expired, altered or for something else, before any purchase', async () => {
  const buyer = await shop.buyer();
  const requirement = await exactRequirement();
  const other = `0x${'12'.repeat(20)}`;
  const cases: readonly (readonly [Bent, string])[] = [
    [{ accepted: { amount: '1' } }, 'payment-too-small'],
    [{ accepted: { amount: String(BigInt(requirement.amount) - 1n) } }, 'payment-too-small'],
    [{ authorization: { value: '1' } }, 'other-terms'],
    [{ accepted: { network: 'eip155:8453' } }, 'other-terms'],
    [{ accepted: { asset: other } }, 'other-terms'],
    [{ accepted: { payTo: other } }, 'other-terms'],
    [{ authorization: { to: other } }, 'other-terms'],
    [{ authorization: { validBefore: String(Math.floor(Date.now() / 1_000)) } }, 'payment-expired'],
    [{ authorization: { validBefore: String(Math.floor(Date.now() / 1_000) + 7_200) } }, 'payment-expired'],
    [{ authorization: { validAfter: String(Math.floor(Date.now() / 1_000) + 60) } }, 'payment-expired'],
    [{ afterwards: { nonce: `0x${'34'.repeat(32)}` } }, 'bad-signature'],
    [{ afterwards: { from: other } }, 'bad-signature'],
    [{ afterwards: { nonce: 'none' } }, 'payment-malformed'],
  ];
  for (const [bent, code] of cases) {
    assert.deepEqual(
      await codeOf(await post(shop, await exactly(buyer, requirement, bent))),
      [402, code],
      code,
    );
  }
  const poor = await shop.buyer(0n);
  assert.deepEqual(await codeOf(await post(shop, await exactly(poor, requirement))), [
    402,
    'payment-refused',
  ]);
  for (const header of ['!', Buffer.from('{}').toString('base64'), 'A'.repeat(9_000)]) {
    assert.deepEqual(await codeOf(await post(shop, { [PAYMENT_HEADER]: header })), [
      402,
      'voucher-malformed',
    ]);
  }
  assert.equal(bought(shop), 0);
  assert.deepEqual(shop.faults, []);
});

test('takes a payment once, also concurrently and also where it wasn’t collected', async () => {
  const buyer = await shop.buyer();
  const requirement = await exactRequirement();
  const first = await exactly(buyer, requirement);
  const both = await Promise.all([post(shop, first), post(shop, first)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 402]);
  await Promise.all(both.map((response) => response.text()));
  assert.deepEqual(await codeOf(await post(shop, first)), [402, 'payment-used']);
  const left = shop.customers.available(payerCustomerId(buyer.funds.address));
  const covered = await exactly(buyer, { ...requirement, amount: requirement.amount });
  const { body } = { body: { ...BODY, max_tokens: 1, messages: [{ role: 'user', content: '' }] } };
  const answered = await post(shop, covered, body);
  assert.equal(answered.status, 200, await answered.clone().text());
  await answered.text();
  assert.ok(shop.customers.available(payerCustomerId(buyer.funds.address)) < left, 'paid from the balance');
  assert.deepEqual(await codeOf(await post(shop, covered, body)), [402, 'payment-used']);
  assert.deepEqual(shop.faults, []);
});

async function openRelay() {
  const keys = await shop.buyer();
  await chain.fund(keys.gas.address, amount(0));
  const official = createFacilitator(chain.network, createSender(shop.node, keys.gas));
  return startFacilitator(official, await anyHash(await shop.buyer()));
}

test('trusts no facilitator that names another transaction, and does without one that is down or hangs', async () => {
  const relay = await openRelay();
  const market = await openStorefrontMarket(chain, {
    network: { facilitators: [relay.url] },
    collectTimeouts: { answerMs: 1_500, showMs: 300 },
  });
  try {
    const buy = async () => {
      const buyer = await market.buyer();
      const id = payerCustomerId(buyer.funds.address);
      const response = await post(market, await exactly(buyer, await exactRequirement(market)));
      await response.text();
      assert.equal(response.status, 200);
      assert.ok(market.customers.available(id) > 0n, 'collected on the chain');
    };
    await buy();
    for (const mode of ['lying', 'down', 'late'] as const) {
      relay.mode = mode;
      await buy();
    }
    // What hung settles now, too late: the payment was collected already.
    await relay.settleLate();
    await market.collection.findLate();
    const held = market.ledger.balance('wallet', chain.network.token.id);
    assert.equal((await readBalances(market.node, market.selling.funds.address, systemClock)).token, held);
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
    await relay.close();
  }
});

test('is listed by the facilitator through which it is paid', async () => {
  const relay = await openRelay();
  const market = await openStorefrontMarket(chain, { network: { facilitators: [relay.url] } });
  try {
    const buyer = await market.buyer();
    const { ask } = paying(market, buyer, 'exact');
    assert.equal((await ask()).status, 200);
    assert.equal(relay.received.length, 1, 'it settled the payment');
    const { extensions } = withBazaar(new HTTPFacilitatorClient({ url: relay.url }));
    const payTo = market.selling.funds.address;
    const { items } = await extensions.bazaar.listResources({ payTo });
    assert.deepEqual(
      items.map(({ resource, type }) => [resource, type]),
      [[market.url + CHAT_PATH, 'http']],
    );
    const { resources } = await extensions.bazaar.search({ query: 'language models' });
    assert.equal(resources[0]?.resource, market.url + CHAT_PATH);
    assert.equal((await extensions.bazaar.search({ query: 'weather' })).resources.length, 0);
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
    await relay.close();
  }
});

test('credits a payment that a facilitator settles after it was given up', async () => {
  const relay = await openRelay();
  const market = await openStorefrontMarket(chain, {
    network: { facilitators: [relay.url] },
    collectTimeouts: { answerMs: 300, showMs: 300 },
    hasGas: false,
  });
  try {
    const buyer = await market.buyer();
    const id = payerCustomerId(buyer.funds.address);
    relay.mode = 'late';
    const requirement = await exactRequirement(market);
    const response = await post(market, await exactly(buyer, requirement));
    assert.equal(response.status, 503, await response.clone().text());
    assert.equal(bought(market), 0);
    await market.collection.findLate();
    assert.equal(market.customers.available(id), 0n, 'nothing has arrived');
    await relay.settleLate();
    await market.collection.findLate();
    await market.collection.findLate();
    assert.equal(market.customers.available(id), BigInt(requirement.amount), 'once');
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
    await relay.close();
  }
});

/** The hash of a transaction that pays nothing here. */
async function anyHash(buyer: WalletAccounts): Promise<string> {
  const seller = await openStorefrontMarket(chain);
  const requirement = await exactRequirement(seller);
  const response = await post(seller, await exactly(buyer, requirement));
  const paid = JSON.parse(
    Buffer.from(response.headers.get(PAYMENT_RESPONSE_HEADER) ?? '', 'base64').toString(),
  );
  await response.text();
  await seller.close();
  return paid.transaction;
}

test('charges a buyer that leaves for what was generated', async () => {
  const engine = createScriptedEngine();
  const market = await openStorefrontMarket(chain, { engines: [engine] });
  try {
    const buyer = await market.buyer();
    const leaving = new AbortController();
    const headers = await exactly(buyer, await exactRequirement(market));
    const running = post(market, headers, { ...BODY, stream: true }, leaving.signal);
    const run = await engine.next();
    run.start(3);
    run.text('one ', 1);
    const response = await running;
    await response.body?.getReader().read();
    run.text('two ', 2);
    leaving.abort();
    await new Promise<void>((resolve) =>
      run.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    run.end('aborted');
    while (market.service.active().length > 0) await new Promise((resolve) => setImmediate(resolve));
    await market.market.gateway.idle();
    const sold = market.jobs.list({ side: 'sold', outcome: 'all', limit: 1 }).jobs[0];
    const cost = market.jobs.list({ side: 'bought', outcome: 'all', limit: 1 }).jobs[0];
    assert.equal(sold?.state, 'aborted');
    assert.ok(BigInt(cost?.charged ?? 0) > 0n);
    assert.equal(BigInt(sold?.charged ?? 0), (BigInt(cost?.charged ?? 0) * 110n + 99n) / 100n);
  } finally {
    await market.close();
  }
});

test('limits guesses of keys, large bodies, headers and connections before any payment', async () => {
  const market = await openStorefrontMarket(chain, { proxies: ['127.0.0.1'] });
  try {
    const from = (address: string) => ({ 'x-forwarded-for': `198.51.100.1, ${address}` });
    const guess = (address: string) =>
      post(market, { ...from(address), authorization: `Bearer iws-${randomBytes(24).toString('hex')}` });
    for (let time = 0; time < 10; time += 1) assert.equal((await guess('203.0.113.5')).status, 401);
    const limited = await guess('203.0.113.5');
    assert.equal(limited.status, 429);
    assert.ok(Number(limited.headers.get('retry-after')) > 0);
    assert.equal((await guess('203.0.113.6')).status, 401, 'others aren’t affected');

    const large = { ...BODY, messages: [{ role: 'user', content: 'x'.repeat(100_000) }] };
    assert.equal((await post(market, from('203.0.113.7'), large)).status, 402, 'refused without the body');
    const huge = { ...BODY, messages: [{ role: 'user', content: 'x'.repeat(2_000_000) }] };
    assert.equal((await post(market, from('203.0.113.7'), huge)).status, 413);
    assert.equal((await post(market, { 'x-much': 'x'.repeat(20_000) })).status, 431);

    market.blocks.add('203.0.113.9');
    assert.deepEqual(await codeOf(await post(market, from('203.0.113.9'))), [403, 'blocked']);
    const unpaid = await Promise.all(Array.from({ length: 60 }, () => post(market, from('203.0.113.8'))));
    assert.ok(
      unpaid.some(({ status }) => status === 429),
      'requests without payment are limited',
    );
    assert.equal(bought(market), 0);
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
  }
});

test('keeps no prompt and no answer', async () => {
  const marker = `marker-${randomBytes(8).toString('hex')}`;
  const { customer, secret } = shop.keys.add('Bob');
  shop.keys.credit(customer.id, amount(100_000n));
  const body = { ...BODY, messages: [{ role: 'user', content: marker }] };
  const response = await post(shop, { authorization: `Bearer ${secret}` }, body);
  assert.equal(response.status, 200);
  await response.text();
  await shop.market.gateway.idle();
  const stored = JSON.stringify(
    [
      shop.jobs.list({ outcome: 'all', limit: 100 }),
      [...shop.ledger.pages()],
      ['x402-exact-used', 'x402-exact-pending', 'storefront-customer'].map((name) => shop.records.list(name)),
    ],
    (_, value) => (typeof value === 'bigint' ? value.toString() : value),
  );
  assert.ok(!stored.includes(marker) && !stored.includes(secret));
  assert.ok(stored.includes(customer.id));
});

test('limits the connections of one address', async () => {
  const { port } = new URL(shop.url);
  const sockets = Array.from({ length: 140 }, () => connect(Number(port), '127.0.0.1'));
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  let closed = 0;
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed += 1;
      if (closed === 140 - 128) resolve();
    });
  }
  await refused;
  const open = sockets.filter(({ destroyed }) => !destroyed).length;
  assert.ok(open > 0 && open <= 128, `${open} are open`);
  for (const socket of sockets) socket.destroy();
});
