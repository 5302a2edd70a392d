/**
 * Verifies: any x402 client can buy from this program, because contracts and payment gate follow the standard.
 * Setup: x402's own client, unchanged, against our gate and our contracts on a local chain, up to the refund.
 * Fails if: a payer without our gateway is rejected, the canonical contract can't take the place of ours.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { x402Client, x402HTTPClient } from '@x402/core/client';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client';
import { readBalances } from '../../main/adapters/ethers/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { amount } from '../../shared/money.ts';
import { CEILING, makeAccounts, openMarket, PAID_PATH } from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-official-'));
let market: Awaited<ReturnType<typeof openMarket>>;

before(async () => {
  market = await openMarket(folder);
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

test('the official client deposits, pays per use, and gets the rest back on request', async () => {
  const { chain, provider, service } = market;
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address);
  const scheme = new BatchSettlementEvmScheme(
    {
      address: accounts.funds.address,
      signTypedData: (data) => accounts.funds.signTypedData(data),
      readContract: (call) => provider.node.readContract(call),
    },
    {
      voucherSigner: {
        address: accounts.session.address,
        signTypedData: (data) => accounts.session.signTypedData(data),
      },
    },
  );
  const core = new x402Client().register(chain.network.id as `${string}:${string}`, scheme).setSpendControls({
    allowedAssets: [
      { network: chain.network.id as `${string}:${string}`, asset: chain.network.token.address },
    ],
  });
  const client = new x402HTTPClient(core);

  async function pay(): Promise<number> {
    const unpaid = await fetch(service.url + PAID_PATH, { method: 'POST' });
    const required = client.getPaymentRequiredResponse(
      (name) => unpaid.headers.get(name),
      await unpaid.json(),
    );
    const payment = await client.createPaymentPayload(required);
    const paid = await fetch(service.url + PAID_PATH, {
      method: 'POST',
      headers: client.encodePaymentSignatureHeader(payment),
    });
    await paid.text();
    await client.processPaymentResult(payment, (name) => paid.headers.get(name), paid.status);
    return paid.status;
  }

  for (const charge of [123n, 0n, CEILING, 7n]) {
    service.charge = amount(charge);
    assert.equal(await pay(), 200);
  }
  const bought = 123n + CEILING + 7n;
  assert.equal(service.charged, bought);
  assert.equal(provider.claims.accounts()[0]?.charged, bought);

  const refund = await scheme.refund(service.url + PAID_PATH);
  assert.equal(refund.success, true);
  assert.match(refund.transaction, /^0x[0-9a-f]{64}$/);
  const payer = await readBalances(provider.node, accounts.funds.address, systemClock);
  assert.equal(payer.token, 1_000_000_000n - bought, 'everything that was not charged was returned');

  // The refund claimed the balance due within its own transaction: settlement must still report it.
  const result = await provider.settlement.settleNow();
  assert.deepEqual(
    result.claims.map((claim) => [claim.tx.hash, claim.channels.map((channel) => channel.amount)]),
    [[refund.transaction, [bought]]],
  );
  assert.equal(result.settle?.amount, bought);
  const payout = await readBalances(provider.node, provider.gate.payout, systemClock);
  assert.equal(payout.token, bought);
});
