/**
 * Verifies: x402's own client, server and facilitator work with our contracts, with each other and with our parts.
 * Setup: the unmodified library on the practice chain, from the deposit to the payout and the refund: its client and
 * its server, with either collector; its server and our payer. Its client with our gate, and its facilitator with our
 * claims: official-client.test.ts and payment-loop.test.ts.
 * Fails if: our contracts or our payer work only on our own chain or with our own provider.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { x402Client, x402HTTPClient } from '@x402/core/client';
import { type HTTPAdapter, x402HTTPResourceServer, x402ResourceServer } from '@x402/core/server';
import { BatchSettlementEvmScheme as ClientScheme } from '@x402/evm/batch-settlement/client';
import { BatchSettlementEvmScheme as ServerScheme } from '@x402/evm/batch-settlement/server';
import { MaxUint256 } from 'ethers';
import tokenArtifact from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode, createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { createFacilitator } from '../../main/adapters/x402/chain/facilitator.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { PERMIT2_ADDRESS } from '../../main/ports/contracts.ts';
import type { Hex } from '../../main/ports/evm.ts';
import { CHANNEL_PATH } from '../../main/ports/payments.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { amount } from '../../shared/money.ts';
import { buy, CEILING, makeAccounts, openRequester, PAID_PATH } from './paid-service.ts';

type Method = 'eip3009' | 'permit2';
type NetworkId = `${string}:${string}`;

const MINTED = 1_000_000_000n;
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-pairings-'));
let chain: PracticeChain;

before(async () => {
  chain = await startPracticeChain({ folder });
});

after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

/** A provider made of x402's server and facilitator alone; only the key and the node are ours. */
async function serveOfficially(method: Method) {
  const accounts = await makeAccounts();
  await chain.fund(accounts.gas.address, amount(0));
  const network = chain.network.id as NetworkId;
  const token = chain.network.token.address as Hex;
  const facilitator = createFacilitator(
    chain.network,
    createSender(connectNode(chain.network), accounts.gas),
  );
  const scheme = new ServerScheme(accounts.funds.address, {
    receiverAuthorizerSigner: accounts.session,
    withdrawDelay: 3_600,
  });
  const accept = (price: string) => ({
    accepts: {
      scheme: 'batch-settlement',
      network,
      payTo: accounts.funds.address,
      price: {
        amount: price,
        asset: token,
        extra: {
          ...chain.network.token.eip712,
          ...(method === 'permit2' ? { assetTransferMethod: method } : {}),
        },
      },
      maxTimeoutSeconds: 60,
      extra: { minDeposit: '2000' },
    },
  });
  const server = new x402HTTPResourceServer(new x402ResourceServer(facilitator).register(network, scheme), {
    [PAID_PATH]: accept(CEILING.toString()),
    [CHANNEL_PATH]: accept('1'),
  });
  await server.initialize();
  const seller = { charge: 0n, charged: 0n };
  const http = createServer((request, response) => {
    request.resume();
    const path = request.url ?? '/';
    const adapter: HTTPAdapter = {
      getHeader: (name) => request.headers[name.toLowerCase()]?.toString(),
      getMethod: () => request.method ?? 'GET',
      getPath: () => path,
      getUrl: () => path,
      getAcceptHeader: () => 'application/json',
      getUserAgent: () => '',
    };
    const context = { adapter, path, method: request.method ?? 'GET' };
    const answer = async (): Promise<void> => {
      const result = await server.processHTTPRequest(context);
      if (result.type === 'payment-error') {
        const { status, headers, body } = result.response;
        response.writeHead(status, headers).end(JSON.stringify(body ?? {}));
        return;
      }
      if (result.type !== 'payment-verified') throw new Error('every request requires payment');
      const charge = path === CHANNEL_PATH ? 0n : seller.charge;
      const settled = await server.processSettlement(
        result.paymentPayload,
        result.paymentRequirements,
        result.declaredExtensions,
        { request: context },
        { amount: charge.toString() },
      );
      if (settled.success) seller.charged += charge;
      response.writeHead(settled.success ? 200 : 402, settled.headers).end('{}');
    };
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return Object.assign(seller, {
    accounts,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    manager: scheme.createChannelManager(facilitator, network, token),
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  });
}

function officialClient(accounts: WalletAccounts) {
  const network = chain.network.id as NetworkId;
  const node = connectNode(chain.network);
  const scheme = new ClientScheme(
    {
      address: accounts.funds.address,
      signTypedData: (data) => accounts.funds.signTypedData(data),
      readContract: (call) => node.readContract(call),
    },
    {
      voucherSigner: {
        address: accounts.session.address,
        signTypedData: (data) => accounts.session.signTypedData(data),
      },
    },
  );
  const core = new x402Client()
    .register(network, scheme)
    .setSpendControls({ allowedAssets: [{ network, asset: chain.network.token.address }] });
  const client = new x402HTTPClient(core);
  return {
    refund: (url: string) => scheme.refund(url),
    async pay(url: string): Promise<number> {
      const unpaid = await fetch(url, { method: 'POST' });
      const required = client.getPaymentRequiredResponse(
        (name) => unpaid.headers.get(name),
        await unpaid.json(),
      );
      const payment = await client.createPaymentPayload(required);
      const headers = client.encodePaymentSignatureHeader(payment);
      const paid = await fetch(url, { method: 'POST', headers });
      await paid.text();
      await client.processPaymentResult(payment, (name) => paid.headers.get(name), paid.status);
      return paid.status;
    },
  };
}

const tokensOf = async (address: string): Promise<bigint> =>
  (await readBalances(connectNode(chain.network), address, systemClock)).token ?? -1n;

for (const method of ['eip3009', 'permit2'] as const) {
  test(`x402’s client, server and facilitator trade on our contracts, deposits by ${method}`, async (context) => {
    const seller = await serveOfficially(method);
    context.after(seller.close);
    const accounts = await makeAccounts();
    await chain.fund(accounts.funds.address, amount(MINTED));
    if (method === 'permit2') {
      const payer = createSender(connectNode(chain.network), accounts.funds);
      const approval = await payer.writeContract({
        address: chain.network.token.address as Hex,
        abi: tokenArtifact.abi,
        functionName: 'approve',
        args: [PERMIT2_ADDRESS, MaxUint256],
      });
      await payer.waitForReceipt(approval);
    }
    const client = officialClient(accounts);
    for (const charge of [123n, CEILING, 0n, 7n]) {
      seller.charge = charge;
      assert.equal(await client.pay(seller.url + PAID_PATH), 200);
    }
    assert.equal(seller.charged, 130n + CEILING);
    const { claims, settle } = await seller.manager.claimAndSettle();
    assert.equal(claims.length, 1);
    assert.match(settle?.transaction ?? '', /^0x[0-9a-f]{64}$/);
    assert.equal(await tokensOf(seller.accounts.funds.address), seller.charged);
    seller.charge = 11n;
    assert.equal(await client.pay(seller.url + PAID_PATH), 200, 'trade continues after a claim');
    const refund = await client.refund(seller.url + PAID_PATH);
    assert.equal(refund.success, true);
    assert.equal(await tokensOf(accounts.funds.address), MINTED - seller.charged);
    await seller.manager.settle();
    assert.equal(await tokensOf(seller.accounts.funds.address), seller.charged);
  });
}

test('our payer buys from x402’s server, tops up its channel, and is charged for its use', async (context) => {
  const seller = await serveOfficially('eip3009');
  context.after(seller.close);
  const accounts = await makeAccounts();
  await chain.fund(accounts.funds.address, amount(MINTED));
  const requester = openRequester(chain, accounts, { deposit: amount(2_000) });
  const provider = {
    peer: 'x402',
    fetch: (path: string, init: RequestInit) => fetch(seller.url + path, init),
  };
  for (const charge of [400n, CEILING, 0n, CEILING, 450n, CEILING, 3n]) {
    seller.charge = charge;
    assert.equal(await buy(requester, provider), charge);
  }
  assert.ok(requester.deposits.length > 1, 'topped up');
  const { claims } = await seller.manager.claimAndSettle();
  assert.equal(claims.length, 1, 'sequential requests share one channel');
  assert.equal(await tokensOf(seller.accounts.funds.address), seller.charged);
  const deposited = requester.deposits.reduce((sum, deposit) => sum + deposit.amount, 0n);
  assert.equal(await tokensOf(accounts.funds.address), MINTED - deposited);
});
