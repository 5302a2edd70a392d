/**
 * Verifies: purchases that need the chain succeed on a machine whose clock is wrong, and a provider with a wrong clock
 * says so.
 * Setup: gate and payer over plain HTTP on a real local chain; the time of day of this process is set by hand, the
 * chain keeps its own.
 * Fails if: a deposit's validity follows the machine's clock instead of the chain's, a refusal doesn't name the clock, or
 * a channel whose state was checked "in the future" counts as checked.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { PaidProvider } from '../../main/ports/payments.ts';
import { isAppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import {
  buy,
  makeAccounts,
  openMarket,
  openProvider,
  openRequester,
  reach,
  type Service,
  serve,
} from './paid-service.ts';
import { startRpcProxy } from './rpc-proxy.ts';

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-clocks-'));
let market: Awaited<ReturnType<typeof openMarket>>;

before(async () => {
  market = await openMarket(folder);
});

afterEach(async () => {
  setTimeBy(0);
  for (const service of opened.splice(0)) await service.close();
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

const now = Date.now;
/** Libraries take the time from `Date` themselves; it continues from the new time. */
function setTimeBy(durationMs: number): void {
  Date.now = () => now() + durationMs;
}

const opened: Service[] = [];

async function freshPair() {
  const [selling, buying] = await Promise.all([makeAccounts(), makeAccounts()]);
  await market.chain.fund(selling.gas.address, amount(0));
  await market.chain.fund(buying.funds.address);
  const provider = await openProvider(market.chain, selling);
  const service = await serve(provider);
  opened.push(service);
  return { provider, service, requester: openRequester(market.chain, buying) };
}

for (const hours of [-1, -26, 1, 26]) {
  test(`opens and tops up a channel after the clock was set by ${hours} h`, async () => {
    const { service, requester } = await freshPair();
    setTimeBy(hours * HOUR_MS);
    await buy(requester, reach(service));
    assert.equal(requester.deposits.length, 1);
    service.charge = amount(20_000);
    service.ceiling = amount(20_000);
    await buy(requester, reach(service), amount(20_000));
    await buy(requester, reach(service), amount(20_000));
    assert.equal(requester.deposits.length, 3);
  });
}

test('names the clock when a provider’s clock is ahead of the chain’s', async () => {
  const { service, requester } = await freshPair();
  const ahead: PaidProvider = {
    peer: 'ahead',
    async fetch(path, init) {
      setTimeBy(3 * HOUR_MS);
      try {
        return await fetch(service.url + path, init);
      } finally {
        setTimeBy(0);
      }
    },
  };
  await assert.rejects(buy(requester, ahead), (error) => {
    assert.ok(isAppError(error, 'clock-wrong'), String(error));
    assert.match(error.message, /The provider’s clock differs from the blockchain’s/);
    return true;
  });
  assert.ok(service.reasons.includes('clock-wrong'), service.reasons.join());
  assert.deepEqual(requester.deposits, []);
  assert.equal(await buy(requester, reach(service)), service.charge, 'nothing was lost');
});

test('checks the chain again for a channel whose last check is dated in the future', async () => {
  const { service, requester, provider } = await freshPair();
  setTimeBy(26 * HOUR_MS);
  await buy(requester, reach(service));
  setTimeBy(0);
  const node = await startRpcProxy(market.chain.network.rpcUrl);
  service.provider = await openProvider(market.chain, provider.accounts, {
    store: provider.store,
    network: { rpcUrl: node.url },
  });
  await buy(requester, reach(service));
  const asked = node.received.length;
  assert.ok(asked > 0, 'the chain was asked');
  await buy(requester, reach(service));
  assert.equal(node.received.length, asked, 'and not again while its answer is new');
  await node.close();
});
