/**
 * Verifies: a provider refuses deposits that are small compared with the network fee that it pays for them, its buyers
 * follow its minimum, and it recognizes which transactions are paid for by jobs.
 * Setup: the practice chain, a real provider whose coin has a price, and a real payment client.
 * Fails if: a stranger can make a provider pay fees for tiny deposits, or a buyer gives up when the minimum has risen.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodePaymentRequiredHeader } from '@x402/core/http';
import type { CoinPrice } from '../../main/ports/chain.ts';
import { CHANNEL_PATH, type ChainWork } from '../../main/ports/payments.ts';
import { isAppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import { PAYMENT_REQUIRED_HEADER } from '../../shared/wire.ts';
import {
  buy,
  DEPOSIT_MIN,
  makeAccounts,
  openMarket,
  openProvider,
  openRequester,
  reach,
  serve,
} from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-minimum-'));
const COIN = amount(10n ** 18n);
let market: Awaited<ReturnType<typeof openMarket>>;
before(async () => {
  market = await openMarket(folder);
});
after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

/** A price at which the minimum is about this many base units: ten fees of 120,000 gas. */
async function priceFor(minimum: bigint): Promise<CoinPrice> {
  const fee = (await market.provider.node.gasPrice()) * 120_000n;
  return { token: amount((minimum * COIN) / (fee * 10n) + 1n), coin: COIN };
}

async function openPriced(coinPrice: () => CoinPrice) {
  const accounts = await makeAccounts();
  await market.chain.fund(accounts.gas.address, amount(0));
  const service = await serve(await openProvider(market.chain, accounts, { coinPrice }));
  const announced = async (): Promise<bigint> => {
    const response = await fetch(service.url + CHANNEL_PATH, { method: 'POST' });
    const required = decodePaymentRequiredHeader(response.headers.get(PAYMENT_REQUIRED_HEADER) ?? '');
    return BigInt(String(required.accepts[0]?.extra.minDeposit));
  };
  while ((await announced()) === DEPOSIT_MIN) await new Promise((resolve) => setTimeout(resolve, 10));
  const buyer = await makeAccounts();
  await market.chain.fund(buyer.funds.address);
  return { service, announced, requester: openRequester(market.chain, buyer) };
}

test('a buyer deposits the minimum that follows the network fee, also after it has risen', async () => {
  let price = await priceFor(50_000n);
  const { service, announced, requester } = await openPriced(() => price);
  const first = await announced();
  assert.ok(first >= 50_000n, `${first}`);
  await buy(requester, reach(service));
  assert.equal(requester.deposits[0]?.amount, first, 'more than the usual deposit of 20,000');
  price = { ...price, token: amount(price.token * 3n) };
  const second = await announced();
  assert.ok(second > first);
  // The client still has the first minimum and learns the second from the refusal.
  const lease = await requester.payer.lease(reach(service), CHANNEL_PATH, amount(first));
  assert.equal(requester.deposits[1]?.amount, second);
  await lease.abandon();
  await requester.payer.idle();
  await service.close();
});

test('a smaller deposit is refused, and costs the provider nothing', async () => {
  const price = await priceFor(5_000_000n);
  const { service, requester } = await openPriced(() => price);
  const coinBefore = await coinOf(service.provider.accounts.gas.address);
  const attempt = requester.payer.lease(reach(service), CHANNEL_PATH, amount(500));
  await assert.rejects(attempt, (error) => isAppError(error, 'payment-required'));
  assert.deepEqual(requester.deposits, []);
  assert.equal(await coinOf(service.provider.accounts.gas.address), coinBefore);
  await service.close();
});

test('a top-up counts as paid for when jobs have used up half of the channel', async () => {
  const seen: (ChainWork | null)[] = [];
  const { gate } = market.provider;
  market.service.provider = {
    ...market.provider,
    gate: {
      ...gate,
      admit(request) {
        seen.push(gate.chainWork(request));
        return gate.admit(request);
      },
    },
  };
  const requester = openRequester(market.chain, market.requester.accounts, { channelsMax: 1 });
  market.service.charge = amount(500);
  await buy(requester, reach(market.service));
  while (requester.deposits.length < 2) await buy(requester, reach(market.service));
  const works = seen.filter((work) => work !== null);
  assert.deepEqual(works, [
    { kind: 'deposit', isPaidFor: false },
    { kind: 'deposit', isPaidFor: true },
  ]);
  assert.equal(seen.filter((work) => work === null).length, seen.length - 2, 'vouchers need no transaction');
});

async function coinOf(address: string): Promise<bigint> {
  return BigInt(String(await market.provider.node.send('eth_getBalance', [address, 'latest'])));
}
