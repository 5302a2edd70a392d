/**
 * Verifies: a client of x402 that pays by `upto` pays after the answer, for what was used only, and needs neither coin nor a
 *   transaction of its own; a payer that doesn't pay gets no further credit.
 * Setup: the storefront over HTTP on the practice chain; the official client, and permits that this test alters.
 * Fails if: more is taken than was used, a permit for something else is accepted, an unpaid answer is charged, or a payer is
 *   blamed for a fee that the storefront can't pay.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePaymentResponseHeader } from '@x402/fetch';
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { payerCustomerId } from '../../shared/customers.ts';
import { amount } from '../../shared/money.ts';
import { PAYMENT_RESPONSE_HEADER } from '../../shared/wire.ts';
import { createScriptedEngine } from '../fakes/scripted-engine.ts';
import { ANSWER, openStorefrontMarket, type StorefrontMarket, withStorefront } from './storefront-market.ts';
import { codeOf, paying, post, REQUEST } from './storefront-payers.ts';
import { approvedBuyer, type Bent, offered, permitted, tokenCall } from './storefront-permits.ts';

const MINTED = 1_000_000_000n;
let chain: PracticeChain;
let shop: StorefrontMarket;

withStorefront((opened) => {
  chain = opened.chain;
  shop = opened.shop;
});

const tokensOf = async (at: StorefrontMarket, address: string) =>
  (await readBalances(at.node, address, systemClock)).token ?? assert.fail('the chain answers');

/** The last sale, once it is recorded. */
async function lastSale(at: StorefrontMarket) {
  await at.market.gateway.idle();
  return at.jobs.list({ side: 'sold', outcome: 'all', limit: 1 }).jobs[0] ?? assert.fail('nothing was sold');
}

test('x402’s client pays what was used, after the answer, without coin or an approval', async () => {
  const buyer = await shop.buyer(MINTED);
  const { ask } = paying(shop, buyer, 'upto');
  const first = await ask();
  assert.equal(first.status, 200, await first.clone().text());
  assert.equal((await first.json()).choices[0].message.content, ANSWER.join(''));
  const charged = BigInt((await lastSale(shop)).charged ?? 0);
  assert.ok(charged > 10n, 'more than the least that is settled');
  const paid = decodePaymentResponseHeader(first.headers.get(PAYMENT_RESPONSE_HEADER) ?? '');
  assert.equal(paid.amount, charged.toString());
  assert.match(paid.transaction, /^0x[0-9a-f]{64}$/);
  assert.equal(MINTED - (await tokensOf(shop, buyer.funds.address)), charged, 'what the chain moved');

  const second = await ask({ stream: true });
  assert.match(await second.text(), /data: \[DONE\]\n\n[\s\S]*event: x402\.payment-response/);
  const more = BigInt((await lastSale(shop)).charged ?? 0);
  assert.equal(MINTED - (await tokensOf(shop, buyer.funds.address)), charged + more);
  assert.equal(shop.ledger.customerBalance(payerCustomerId(buyer.funds.address)), 0n);
  assert.equal(
    await tokensOf(shop, shop.selling.funds.address),
    shop.ledger.balance('wallet', chain.network.token.id),
  );
  assert.deepEqual(shop.faults, []);
});

test('refuses permits that are too small, short-lived, altered or for something else, and each a second time', async () => {
  const buyer = await approvedBuyer(shop, MINTED);
  const { upto } = await offered(shop);
  const other = `0x${'12'.repeat(20)}`;
  const inSeconds = (seconds: number) => String(Math.floor(Date.now() / 1_000) + seconds);
  const cases: readonly (readonly [Bent, string])[] = [
    [{ accepted: { amount: '1' } }, 'payment-too-small'],
    [{ accepted: { amount: String(BigInt(upto?.amount ?? 0) - 1n) } }, 'payment-too-small'],
    [{ permit: { permitted: { token: upto?.asset, amount: '1' } } }, 'other-terms'],
    [{ permit: { permitted: { token: other, amount: upto?.amount } } }, 'other-terms'],
    [{ permit: { spender: other } }, 'other-terms'],
    [{ witness: { to: other } }, 'other-terms'],
    [{ witness: { facilitator: other } }, 'other-terms'],
    [{ accepted: { network: 'eip155:8453' } }, 'other-terms'],
    [{ accepted: { asset: other } }, 'other-terms'],
    [{ permit: { deadline: inSeconds(60) } }, 'payment-expired'],
    [{ permit: { deadline: inSeconds(86_400) } }, 'payment-expired'],
    [{ witness: { validAfter: inSeconds(60) } }, 'payment-expired'],
    [{ afterwards: { nonce: '77' } }, 'bad-signature'],
    // With leading zeros, a used permit would be another one of the same signature.
    [{ afterwards: { nonce: '077' } }, 'payment-malformed'],
    [{ afterwards: { from: other } }, 'bad-signature'],
    [{ afterwards: { nonce: 'none' } }, 'payment-malformed'],
  ];
  const before = shop.jobs.list({ side: 'bought', outcome: 'all', limit: 100 }).jobs.length;
  for (const [bent, code] of cases) {
    assert.deepEqual(await codeOf(await post(shop, await permitted(buyer, upto, bent))), [402, code]);
  }
  for (const unable of [await shop.buyer(MINTED), await shop.buyer(0n)]) {
    const refused = await post(shop, await permitted(unable, upto));
    assert.deepEqual(await codeOf(refused), [402, 'payment-refused'], 'no approval, no money');
  }
  assert.equal(shop.jobs.list({ side: 'bought', outcome: 'all', limit: 100 }).jobs.length, before);
  const sound = await permitted(buyer, upto);
  const both = await Promise.all([post(shop, sound), post(shop, sound)]);
  await Promise.all(both.map((response) => response.text()));
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 402]);
  assert.deepEqual(await codeOf(await post(shop, sound)), [402, 'payment-used']);
  assert.deepEqual(shop.faults, []);
});

test('settles no less than the fee, and the rest pays for the next answers', async () => {
  const market = await openStorefrontMarket(chain, { depositMin: amount(5_000n) });
  try {
    const buyer = await approvedBuyer(market, MINTED);
    const { upto } = await offered(market);
    const customerId = payerCustomerId(buyer.funds.address);
    const first = await post(market, await permitted(buyer, upto));
    assert.equal(first.status, 200, await first.text());
    const charged = BigInt((await lastSale(market)).charged ?? 0);
    assert.equal(
      MINTED - (await tokensOf(market, buyer.funds.address)),
      500n,
      'a tenth of the least deposit',
    );
    assert.equal(market.customers.available(customerId), 500n - charged);
    const small = { ...REQUEST, messages: [{ role: 'user', content: '' }], max_tokens: 2 };
    const second = await post(market, await permitted(buyer, (await offered(market, small)).upto), small);
    assert.equal(second.status, 200, await second.text());
    const more = BigInt((await lastSale(market)).charged ?? 0);
    assert.equal(MINTED - (await tokensOf(market, buyer.funds.address)), 500n, 'nothing more was moved');
    assert.equal(market.customers.available(customerId), 500n - charged - more);
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
  }
});

test('charges nothing that was not paid, and gives a payer that moves its money away no further credit', async () => {
  const engine = createScriptedEngine();
  const market = await openStorefrontMarket(chain, { engines: [engine] });
  try {
    const buyer = await approvedBuyer(market, MINTED);
    const { upto } = await offered(market);
    const asking = post(market, await permitted(buyer, upto));
    const run = await engine.next();
    const sender = createSender(market.node, buyer.funds);
    const away = tokenCall(market, 'transfer', [`0x${'34'.repeat(20)}`, MINTED]);
    await sender.waitForReceipt(await sender.writeContract(away));
    run.start(3);
    run.text('blue', 1);
    run.end('stop');
    const answered = await asking;
    await answered.text();
    const paid = decodePaymentResponseHeader(answered.headers.get(PAYMENT_RESPONSE_HEADER) ?? '');
    assert.equal(paid.success, false);
    const { charged } = await lastSale(market);
    assert.equal(charged, '0');
    assert.equal(market.ledger.balance('income:jobs', chain.network.token.id), 0n);
    await chain.fund(buyer.funds.address, amount(MINTED));
    assert.deepEqual(await codeOf(await post(market, await permitted(buyer, upto))), [402, 'not-on-credit']);
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
  }
});

test('keeps the credit of a payer whose payment the storefront itself can’t collect, and says so in its log', async () => {
  const market = await openStorefrontMarket(chain, { hasGas: false });
  try {
    const buyer = await approvedBuyer(market, MINTED);
    const { upto } = await offered(market);
    for (const answers of [1, 2]) {
      const answered = await post(market, await permitted(buyer, upto));
      assert.equal(answered.status, 200, await answered.text());
      const paid = decodePaymentResponseHeader(answered.headers.get(PAYMENT_RESPONSE_HEADER) ?? '');
      assert.equal(paid.success, false);
      const { charged } = await lastSale(market);
      assert.equal(charged, '0');
      const warnings = market.log.lines.filter(({ level }) => level === 'warn');
      assert.equal(warnings.length, answers);
      assert.match(String(warnings[0]?.fields.cause), /Not enough coin/);
    }
    assert.deepEqual(market.faults, []);
  } finally {
    await market.close();
  }
});

test('offers no credit for requests that cost too much', async () => {
  const { schemes } = await offered(shop);
  assert.deepEqual(schemes, ['exact', 'upto', 'batch-settlement']);
  const long = { ...REQUEST, messages: [{ role: 'user', content: 'x'.repeat(30_000) }] };
  assert.deepEqual((await offered(shop, long)).schemes, ['exact', 'batch-settlement']);
});
