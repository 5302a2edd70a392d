/** Buyers of a storefront: x402's own `fetch` with each scheme, `openai` with an API key, and MCP's client. */
import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from '@x402/fetch';
import OpenAI from 'openai';
import { createPublicClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { apiKey, baseURL, messages, model, report } from './common.mjs';

const shop = process.env.IDLEWATT_CLIENT_SHOP_URL;
const { id: network, rpcUrl, token } = JSON.parse(process.env.IDLEWATT_CLIENT_CHAIN);
const url = `${shop}/v1/chat/completions`;
const chain = createPublicClient({ transport: http(rpcUrl) });
const read = async (path) => (await fetch(process.env.IDLEWATT_CLIENT_BOOKS_URL + path)).json();

async function buyerWith(Scheme) {
  const { privateKey, address } = await read('/buyer');
  const account = privateKeyToAccount(privateKey);
  const scheme = new Scheme({
    address: account.address,
    signTypedData: (data) => account.signTypedData(data),
    readContract: (call) => chain.readContract(call),
  });
  const client = new x402Client()
    .register(network, scheme)
    .setSpendControls({ allowedAssets: [{ network, asset: token }] });
  const pay = wrapFetchWithPayment(fetch, client);
  let charged = 0n;
  const ask = async (more) => {
    const response = await pay(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages, max_tokens: 9, ...more }),
    });
    assert.equal(response.status, 200, await response.clone().text());
    return response;
  };
  return {
    client,
    scheme,
    address,
    add(payment) {
      charged += BigInt(payment.amount);
    },
    async buy() {
      const response = await ask({});
      assert.ok((await response.json()).choices[0].message.content);
      this.add(decodePaymentResponseHeader(response.headers.get('payment-response')));
    },
    async stream() {
      const text = await (await ask({ stream: true })).text();
      const [, event = ''] = /event: x402\.payment-response\ndata: (\S+)/.exec(text) ?? [];
      this.add(decodePaymentResponseHeader(event));
    },
    async books() {
      const books = await read(`/books?address=${address}`);
      assert.equal(BigInt(books.charged), charged, JSON.stringify(books));
      assert.equal(BigInt(books.paid), BigInt(books.charged) + BigInt(books.balance));
      assert.ok(books.isWalletRight);
    },
  };
}

const exact = await buyerWith(ExactEvmScheme);
const upto = await buyerWith(UptoEvmScheme);
const batch = await buyerWith(BatchSettlementEvmScheme);
const openai = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

await report({
  exact: () => exact.buy(),
  'exact streamed': () => exact.stream(),
  async 'exact through MCP'() {
    const agent = new Client({ name: 'agent', version: '1.0.0' });
    await agent.connect(new StreamableHTTPClientTransport(new URL(`${shop}/mcp`)));
    const call = { name: 'ask_model', arguments: { model, prompt: 'Why is the sky blue?', max_tokens: 9 } };
    const refused = await agent.callTool(call);
    assert.equal(refused.isError, true);
    const payment = await exact.client.createPaymentPayload(refused.structuredContent);
    const answer = await agent.callTool({ ...call, _meta: { 'x402/payment': payment } });
    assert.ok(answer.content[0].text);
    exact.add(answer._meta['x402/payment-response']);
    await agent.close();
  },
  'exact books': () => exact.books(),
  upto: () => upto.buy(),
  'upto streamed': () => upto.stream(),
  'upto books': () => upto.books(),
  async 'batch-settlement'() {
    const response = await wrapFetchWithPayment(fetch, batch.client)(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages, max_tokens: 9 }),
    });
    assert.equal(response.status, 200, await response.clone().text());
    assert.ok((await response.json()).choices[0].message.content);
  },
  async 'batch-settlement refund'() {
    assert.ok((await batch.scheme.refund(url)).success);
  },
  async 'API key'() {
    const answer = await openai.chat.completions.create({ model, messages, max_tokens: 9 });
    assert.ok(answer.choices[0].message.content);
  },
  async 'API key streamed'() {
    let text = '';
    for await (const chunk of await openai.chat.completions.create({
      model,
      messages,
      max_tokens: 9,
      stream: true,
    }))
      text += chunk.choices[0]?.delta.content ?? '';
    assert.ok(text);
  },
  async 'API key books'() {
    const books = await read('/books');
    assert.ok(BigInt(books.charged) > 0n);
    assert.equal(BigInt(books.paid), BigInt(books.charged) + BigInt(books.balance));
  },
});
