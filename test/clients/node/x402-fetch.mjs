/** x402's own `fetch`, which pays a provider directly: deposit, two answers, and the rest back. */
import assert from 'node:assert/strict';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { createPublicClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { messages, model, report } from './common.mjs';

const provider = process.env.IDLEWATT_CLIENT_PROVIDER_URL;
const { id: network, rpcUrl, token } = JSON.parse(process.env.IDLEWATT_CLIENT_CHAIN);
const url = `${provider}/v1/chat/completions`;
const account = privateKeyToAccount(process.env.IDLEWATT_CLIENT_PRIVATE_KEY);
const chain = createPublicClient({ transport: http(rpcUrl) });
const scheme = new BatchSettlementEvmScheme({
  address: account.address,
  signTypedData: (data) => account.signTypedData(data),
  readContract: (call) => chain.readContract(call),
});
const client = new x402Client()
  .register(network, scheme)
  .setSpendControls({ allowedAssets: [{ network, asset: token }] });
const pay = wrapFetchWithPayment(fetch, client);

const ask = (more) =>
  pay(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, max_tokens: 9, ...more }),
  });

await report({
  async models() {
    const { data } = await (await fetch(`${provider}/v1/models`)).json();
    assert.ok(data.some(({ id }) => id === model));
  },
  async price() {
    const response = await fetch(url);
    assert.equal(response.status, 402);
    assert.ok(response.headers.get('payment-required'));
  },
  async buy() {
    const response = await ask({});
    assert.equal(response.status, 200, await response.clone().text());
    assert.ok((await response.json()).choices[0].message.content);
    assert.ok(response.headers.get('payment-response'));
  },
  async 'buy streamed'() {
    const response = await ask({ stream: true });
    assert.equal(response.status, 200, await response.clone().text());
    assert.match(await response.text(), /data: \[DONE\]\n\n[\s\S]*event: x402\.payment-response/);
  },
  async refund() {
    const { success, transaction } = await scheme.refund(url);
    assert.ok(success);
    assert.match(transaction, /^0x[0-9a-f]{64}$/);
  },
});
