/**
 * Verifies: buyers that nobody here wrote buy from the storefront, and are charged what their answers cost; ledger, chain
 *   and their own books agree.
 * Setup: @x402/fetch with `exact` and with `batch-settlement`, `openai` with an API key, and MCP’s own client, against the storefront over
 *   HTTP, on the practice chain. Its market is in this process.
 * Fails if: a client can't buy, the rest of an exact payment is lost, an answer costs the storefront more than its buyer
 *   pays, or the ledger differs from the chain.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import { sanitizeResourceServiceMetadata, validateDiscoveryExtension } from '@x402/extensions/bazaar';
import { decodePaymentResponseHeader } from '@x402/fetch';
import OpenAI from 'openai';
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { readBalances } from '../../main/adapters/ethers/index.ts';
import { verifySigned } from '../../main/adapters/libp2p/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { payerCustomerId } from '../../shared/customers.ts';
import { amount } from '../../shared/money.ts';
import { receiptSchema } from '../../shared/offer.ts';
import {
  CHAT_PATH,
  MODELS_PATH,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
  RECEIPT_HEADER,
} from '../../shared/wire.ts';
import { ANSWER, MODEL, type StorefrontMarket, withStorefront } from './storefront-market.ts';
import { paying, REQUEST } from './storefront-payers.ts';

const MINTED = 1_000_000_000n;
let chain: PracticeChain;
let shop: StorefrontMarket;

withStorefront((opened) => {
  chain = opened.chain;
  shop = opened.shop;
});

const tokensOf = async (address: string) =>
  (await readBalances(shop.node, address, systemClock)).token ?? assert.fail('the chain answers');

/** The sale and the purchase behind it, once both are recorded. */
async function lastTrade() {
  await shop.market.gateway.idle();
  const sold =
    shop.jobs.list({ side: 'sold', outcome: 'all', limit: 1 }).jobs[0] ?? assert.fail('nothing was sold');
  const bought =
    shop.jobs.list({ side: 'bought', outcome: 'all', limit: 1 }).jobs[0] ?? assert.fail('nothing was bought');
  assert.deepEqual(
    [sold.inputTokens, sold.outputTokens],
    [bought.inputTokens, bought.outputTokens],
    'what is sold is what was bought',
  );
  const charged = BigInt(sold.charged ?? 0);
  const cost = BigInt(bought.charged ?? 0);
  assert.ok(cost > 0n);
  // Each token costs 2 or 8, and with 10 % more, rounded up once.
  assert.equal(charged, (cost * 110n + 99n) / 100n);
  return { sold, charged, cost };
}

test('x402’s fetch pays exactly once, and its balance pays for the next answers', async () => {
  const buyer = await shop.buyer(MINTED);
  const { ask } = paying(shop, buyer, 'exact');
  const income = shop.ledger.balance('income:jobs', chain.network.token.id);

  const first = await ask();
  assert.equal(first.status, 200, await first.clone().text());
  assert.equal((await first.json()).choices[0].message.content, ANSWER.join(''));
  const { sold, charged } = await lastTrade();
  const jws = first.headers.get(RECEIPT_HEADER) ?? '';
  assert.equal(sold.receipt, jws);
  const receipt = receiptSchema.parse(await verifySigned(jws, shop.peer));
  assert.equal(receipt.charged, charged.toString());
  const paid = decodePaymentResponseHeader(first.headers.get(PAYMENT_RESPONSE_HEADER) ?? '');
  assert.match(paid.transaction, /^0x[0-9a-f]{64}$/);
  assert.equal(paid.amount, charged.toString());
  const spent = MINTED - (await tokensOf(buyer.funds.address));
  assert.ok(spent > charged, 'the most that it could cost was paid');
  const customerId = payerCustomerId(buyer.funds.address);
  assert.equal(shop.customers.available(customerId), spent - charged);

  const second = await ask({ stream: true, max_tokens: 8 });
  assert.match(await second.text(), /data: \[DONE\]\n\n[\s\S]*event: x402\.payment-response/);
  const { charged: more } = await lastTrade();
  assert.equal(MINTED - (await tokensOf(buyer.funds.address)), spent, 'nothing more was paid');
  assert.equal(shop.customers.available(customerId), spent - charged - more);
  assert.equal(shop.ledger.balance('income:jobs', chain.network.token.id) - income, charged + more);
  assert.equal(shop.ledger.customerBalance(customerId), spent - charged - more);
  assert.equal(
    await tokensOf(shop.selling.funds.address),
    shop.ledger.balance('wallet', chain.network.token.id),
  );
  assert.deepEqual(shop.faults, []);
});

test('x402’s fetch pays by vouchers, only what was used, and gets the rest back', async () => {
  const buyer = await shop.buyer(MINTED);
  const { ask, refund } = paying(shop, buyer, 'batch-settlement');
  let total = 0n;
  for (const more of [{}, { stream: true }, { max_tokens: 2 }]) {
    const response = await ask(more);
    assert.equal(response.status, 200, await response.clone().text());
    await response.text();
    total += (await lastTrade()).charged;
  }
  assert.equal((await refund()).success, true);
  assert.equal(MINTED - (await tokensOf(buyer.funds.address)), total);
  const { settle } = await shop.settlement.settleNow();
  assert.equal(settle?.amount, total, 'everything that was charged reaches the payout address');
  assert.deepEqual(shop.faults, []);
});

test('openai buys with an API key from a prepaid balance, until it is used up', async () => {
  const { customer, secret } = shop.keys.add('Ada');
  const client = new OpenAI({ baseURL: `${shop.url}/v1`, apiKey: secret, maxRetries: 0 });
  const ask = (messages = REQUEST.messages) =>
    client.chat.completions.create({ ...REQUEST, messages: messages as never, stream: false });
  await assert.rejects(ask(), { status: 402, code: 'balance-too-small' });
  shop.keys.credit(customer.id, amount(1_000n));
  const answer = await ask();
  assert.equal(answer.choices[0]?.message.content, ANSWER.join(''));
  const { charged } = await lastTrade();
  assert.equal(shop.keys.list()[0]?.balance, (1_000n - charged).toString());
  let streamed = '';
  for await (const chunk of await client.chat.completions.create({
    ...REQUEST,
    messages: REQUEST.messages as never,
    stream: true,
  })) {
    streamed += chunk.choices[0]?.delta.content ?? '';
  }
  assert.equal(streamed, ANSWER.join(''));
  await lastTrade();
  await assert.rejects(ask([{ role: 'user', content: 'x'.repeat(500) }]), { status: 402 });
  shop.keys.revoke(customer.id);
  await assert.rejects(ask(), { status: 401 });
  assert.deepEqual(shop.faults, []);
});

test('an agent asks a model through MCP, paid in the metadata of its call', async () => {
  const buyer = await shop.buyer(MINTED);
  const { client: wallet } = paying(shop, buyer, 'exact');
  const agent = new Client({ name: 'agent', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(`${shop.url}/mcp`));
  await agent.connect(transport as Parameters<typeof agent.connect>[0]);
  const { tools } = await agent.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['ask_model'],
  );
  const call = {
    name: 'ask_model',
    arguments: { model: MODEL, prompt: 'Why is the sky blue?', max_tokens: 20 },
  };
  const refused = await agent.callTool(call);
  assert.equal(refused.isError, true);
  const required = refused.structuredContent as Parameters<typeof wallet.createPaymentPayload>[0];
  assert.equal(required.x402Version, 2);
  const payment = await wallet.createPaymentPayload(required);
  const answer = await agent.callTool({ ...call, _meta: { 'x402/payment': payment } });
  assert.deepEqual(answer.content, [{ type: 'text', text: ANSWER.join('') }]);
  const { charged } = await lastTrade();
  const paid = answer._meta?.['x402/payment-response'] as { readonly amount: string } | undefined;
  assert.equal(paid?.amount, charged.toString());
  const again = await agent.callTool({ ...call, _meta: { 'x402/payment': payment } });
  assert.equal(again.isError, true, 'a payment is used once');
  const wrong = await agent.callTool({ name: 'ask_model', arguments: { model: 1 } });
  assert.equal(wrong.isError, true);
  await agent.close();
  assert.deepEqual(shop.faults, []);
});

test('describes itself to directories and to people as their formats require', async () => {
  const json = async (path: string) => (await fetch(shop.url + path)).json();
  const { data } = await json(MODELS_PATH);
  assert.deepEqual(data[0].pricing, {
    prompt: '0.0000022',
    completion: '0.0000088',
    request: '0',
    image: '0',
  });
  assert.equal(data[0].quantization, 'fp32');
  assert.equal((await json(`${MODELS_PATH}/${MODEL}`)).context_length, data[0].context_length);

  const unpaid = await fetch(shop.url + CHAT_PATH);
  assert.equal(unpaid.status, 402, 'the refund of x402’s client asks by GET');
  const required = decodePaymentRequiredHeader(unpaid.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
  const { bazaar } = required.extensions as { bazaar: Parameters<typeof validateDiscoveryExtension>[0] };
  assert.deepEqual(validateDiscoveryExtension(bazaar), { valid: true });
  const { resource } = required;
  assert.deepEqual(sanitizeResourceServiceMetadata(resource), {
    serviceName: resource.serviceName,
    tags: resource.tags,
  });
  assert.equal(resource.url, shop.url + CHAT_PATH);

  const listed = await json('/.well-known/x402.json');
  assert.deepEqual(
    listed.items[0].accepts.map(({ scheme }: { scheme: string }) => scheme),
    ['exact', 'upto', 'batch-settlement'],
  );
  const { resources, kind } = await json('/.well-known/x402');
  assert.equal(kind, 'resource-server');
  assert.equal(resources[0].url, resource.url);
  const { paths } = await json('/openapi.json');
  assert.ok(paths[CHAT_PATH].post.responses[402]);
  assert.match(
    await (await fetch(shop.url)).text(),
    new RegExp(`<td>${MODEL}</td><td>4096</td><td>2.2</td><td>8.8</td>`),
  );

  const report = (text: string) =>
    fetch(`${shop.url}/abuse`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    });
  assert.equal((await report('It asked for something bad.')).status, 201);
  assert.equal((await report('x'.repeat(3_000))).status, 400);
  assert.equal((await report('again')).status, 201);
  assert.equal((await report('and again')).status, 429);
  assert.deepEqual(
    shop.reports
      .list()
      .map(({ text }) => text)
      .sort(),
    ['It asked for something bad.', 'again'],
  );
});
