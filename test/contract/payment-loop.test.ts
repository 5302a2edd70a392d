/**
 * Verifies: money is conserved from the first deposit to the payout, even if a part fails in between.
 * Setup: gate, payer and settlement over plain HTTP on a real local chain; sums compared in base units.
 * Fails if: a charge exceeds the ceiling, a voucher is lost, a claim is made twice, a channel stays busy, or jobs stop
 * because the chain is unavailable.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode, createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import type { SettlementEvent } from '../../main/ports/chain.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import { amount } from '../../shared/money.ts';
import { CHAT_PATH, PAYMENT_RESPONSE_HEADER } from '../../shared/wire.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';
import { TEST_METHODS } from './chain-methods.ts';
import {
  buy,
  CEILING,
  makeAccounts,
  openMarket,
  openProvider,
  openRequester,
  type Provider,
  reach,
  serve,
} from './paid-service.ts';
import { startRpcProxy } from './rpc-proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-payments-'));
let market: Awaited<ReturnType<typeof openMarket>>;

before(async () => {
  market = await openMarket(folder);
});

after(async () => {
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

/** A provider and a requester of their own, so that tests do not share channels. */
async function freshPair() {
  const [selling, buying] = await Promise.all([makeAccounts(), makeAccounts()]);
  await market.chain.fund(selling.gas.address, amount(0));
  await market.chain.fund(buying.funds.address);
  const provider = await openProvider(market.chain, selling);
  const service = await serve(provider);
  return { provider, service, requester: openRequester(market.chain, buying) };
}

async function tokenOf(provider: Provider, address: string): Promise<bigint> {
  const { token } = await readBalances(provider.node, address, systemClock);
  if (token === null) throw new Error('the chain does not answer');
  return token;
}

test('the same amount is charged, claimed, paid out and missing from the payer', async () => {
  const { provider, service, requester } = market;
  const events: SettlementEvent[] = [];
  provider.settlement.onEvent((event) => events.push(event));
  const walletBefore = await tokenOf(provider, requester.accounts.funds.address);
  let bought = 0n;
  for (const charge of [1n, 123n, 499n, 500n, 0n, 77n]) {
    service.charge = amount(charge);
    bought += await buy(requester, reach(service));
  }
  service.charge = amount(10_000);
  assert.equal(await buy(requester, reach(service)), CEILING, 'a charge above the ceiling is clamped to it');
  bought += CEILING;
  const [owed] = provider.settlement.receivables();
  assert.equal(owed?.owed, bought);
  assert.equal(owed?.reason, 'below-threshold');

  const result = await provider.settlement.settleNow();

  assert.equal(service.charged, bought);
  assert.equal(
    sum(result.claims.flatMap((claim) => claim.channels.map((channel) => channel.amount))),
    bought,
  );
  assert.equal(result.settle?.amount, bought);
  assert.equal(await tokenOf(provider, provider.gate.payout), bought);
  const deposited = sum(requester.deposits.map((deposit) => deposit.amount));
  assert.equal(await tokenOf(provider, requester.accounts.funds.address), walletBefore - deposited);
  assert.deepEqual(
    events.map((event) => event.type),
    ['claimed', 'settled'],
  );
  assert.ok(events.every((event) => event.type === 'waiting' || event.tx.fee > 0n));
  assert.deepEqual(provider.settlement.receivables(), []);
  const again = await provider.settlement.settleNow();
  assert.deepEqual(again, { claims: [], settle: null }, 'nothing is claimed or paid out twice');
});

test('a warm channel requires no round trip except the request itself', async () => {
  const { service, requester } = await freshPair();
  const provider = reach(service);
  await buy(requester, provider);
  const paths: string[] = [];
  const counted = {
    ...provider,
    fetch: (path: string, init: RequestInit) => {
      paths.push(path);
      return provider.fetch(path, init);
    },
  };
  for (let request = 0; request < 5; request += 1) await buy(requester, counted);
  assert.equal(paths.length, 5);
  await service.close();
});

test('concurrent requests use separate channels, up to the pool’s limit', async () => {
  const { provider, service, requester } = await freshPair();
  const charges = await Promise.all(Array.from({ length: 12 }, () => buy(requester, reach(service))));
  assert.deepEqual(new Set(charges), new Set([service.charge]));
  assert.ok(service.concurrentMax <= 3, `${service.concurrentMax} concurrent requests`);
  assert.ok(new Set(requester.deposits.map((deposit) => deposit.channelId)).size <= 3);
  assert.ok(!service.reasons.includes('channel-busy'), 'our own payer never meets a busy channel');
  const result = await provider.settlement.settleNow();
  assert.equal(result.claims.length, 1, 'all channels fit into one claim');
  assert.equal(result.settle?.amount, service.charge * 12n);
  await service.close();
});

test('a channel that runs low is topped up and stays the same channel', async () => {
  const { provider, service, requester } = await freshPair();
  service.charge = amount(400);
  for (let request = 0; request < 60; request += 1) await buy(requester, reach(service));
  assert.equal(new Set(requester.deposits.map((deposit) => deposit.channelId)).size, 1);
  assert.equal(requester.deposits.length, 2);
  assert.equal((await provider.settlement.settleNow()).settle?.amount, 24_000n);
  await service.close();
});

test('a provider that restarts during a request keeps its vouchers and frees the channel', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  // The process dies after the voucher was stored and before anything was charged.
  service.work = async (_, response) => void response.destroy();
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  await lease.abandon();
  service.work = null;
  service.provider = await openProvider(market.chain, provider.accounts, {
    store: createMemoryRecordStore(provider.store.snapshot()),
  });
  await requester.payer.idle();
  assert.equal(await buy(requester, reach(service)), service.charge);
  const result = await service.provider.settlement.settleNow();
  assert.equal(result.settle?.amount, service.charge * 2n);
  await service.close();
});

test('a lost response is charged once and the payer learns the channel’s state', async () => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  service.work = async (payment, response) => {
    await payment.settle(amount(200));
    response.destroy();
  };
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  await lease.abandon();
  await requester.payer.idle();
  assert.deepEqual(
    requester.charges.map(({ channelId, total }) => ({ channelId, total })),
    [{ channelId: lease.channelId, total: service.charge + 200n }],
    'learned without another purchase',
  );
  assert.deepEqual(requester.payer.unresolved(), []);
  service.work = null;
  assert.equal(await buy(requester, reach(service)), service.charge);
  const [account] = service.provider.claims.accounts();
  assert.equal(account?.charged, service.charge * 2n + 200n);
  const next = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  const answer = await fetch(service.url + CHAT_PATH, { method: 'POST', headers: next.headers });
  const { cumulative } = await next.complete(answer.headers.get(PAYMENT_RESPONSE_HEADER) ?? '');
  assert.equal(cumulative, service.charge * 3n + 200n, 'the buyer’s total includes the lost response');
  await service.close();
});

test('a disputed charge is not accepted, its channel is not used again, and a claim of it is recorded', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  service.charge = amount(400);
  const answer = await fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers });
  const paid = answer.headers.get(PAYMENT_RESPONSE_HEADER) ?? '';
  assert.deepEqual(lease.read(paid), { charged: 400n, cumulative: 523n });
  await lease.dispute();
  const accepted = () =>
    requester.payer.charges().find(({ channelId }) => channelId === lease.channelId)?.total;
  assert.equal(accepted(), 123n);
  assert.deepEqual(requester.payer.unresolved(), [], 'the provider isn’t queried about it');
  const restarted = openRequester(market.chain, requester.accounts, {
    store: createMemoryRecordStore(requester.store.snapshot()),
  });
  for (const { payer } of [requester, restarted]) {
    const next = await payer.lease(reach(service), CHAT_PATH, CEILING);
    assert.notEqual(next.channelId, lease.channelId);
    await next.abandon();
    await payer.idle();
  }
  assert.equal(accepted(), 123n);
  // The voucher covers the charge, so the provider can claim it. The chain has the last word.
  await provider.settlement.settleNow();
  await requester.payer.deposits();
  assert.equal(accepted(), 523n);
  assert.deepEqual(
    requester.charges.filter(({ channelId }) => channelId === lease.channelId).map(({ total }) => total),
    [523n],
  );
  await service.close();
});

test('a claim that is seen while its bill is still being checked is not taken for a lost charge', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  service.charge = amount(400);
  const answer = await fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers });
  const paid = answer.headers.get(PAYMENT_RESPONSE_HEADER) ?? '';
  await provider.settlement.settleNow();
  await requester.payer.deposits();
  assert.deepEqual(requester.charges, [], 'the purchase records it');
  assert.deepEqual(await lease.complete(paid), { charged: 400n, cumulative: 523n });
  await requester.payer.deposits();
  assert.deepEqual(requester.charges, []);
  await service.close();
});

test('the charge of a lost response that only the chain shows is reported to its lease first', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  service.work = async (payment, response) => {
    await payment.settle(amount(200));
    response.destroy();
  };
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  // The provider is away for every question about the charge.
  await service.close();
  const learned: unknown[] = [];
  await lease.abandon((charge) => learned.push({ ...charge, reported: requester.charges.length }));
  await requester.payer.idle();
  assert.deepEqual(learned, []);
  await provider.settlement.settleNow();
  await requester.payer.deposits();
  assert.deepEqual(learned, [{ charged: 200n, cumulative: 323n, reported: 0 }]);
  assert.deepEqual(
    requester.charges.map(({ total, isAccounted }) => [total, isAccounted]),
    [[323n, true]],
  );
  const next = await requester.payer.charges();
  assert.deepEqual(
    next.map(({ total }) => total),
    [323n],
  );
});

test('the charge of a lost response is reported to the lease before it is reported as a charge', async () => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  service.work = async (payment, response) => {
    await payment.settle(amount(200));
    response.destroy();
  };
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  const learned: unknown[] = [];
  await lease.abandon((charge) => learned.push({ ...charge, reported: requester.charges.length }));
  await requester.payer.idle();
  assert.deepEqual(learned, [{ charged: 200n, cumulative: 323n, reported: 0 }]);
  assert.deepEqual(
    requester.charges.map(({ isAccounted }) => isAccounted),
    [true],
  );
  await service.close();
});

test('a lease learns its charge also from a provider that was away when it was queried', async () => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  service.work = async (payment, response) => {
    await payment.settle(amount(200));
    response.destroy();
  };
  let isAway = false;
  const provider = reach(service);
  const fetchOrFail: typeof provider.fetch = (path, init) =>
    isAway ? Promise.reject(new Error('not connected')) : provider.fetch(path, init);
  const lease = await requester.payer.lease({ ...provider, fetch: fetchOrFail }, CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  isAway = true;
  const learned: unknown[] = [];
  await lease.abandon((charge) => learned.push(charge));
  await requester.payer.idle();
  assert.deepEqual([learned, requester.payer.unresolved()], [[], ['provider-1']]);
  await requester.payer.synchronise(provider);
  assert.deepEqual(learned, [{ charged: 200n, cumulative: 323n }]);
  await service.close();
});

test('a provider that pauses after a lost response refuses the next request within seconds', {
  timeout: 20_000,
}, async () => {
  const { service, requester: other } = await freshPair();
  const requester = openRequester(market.chain, other.accounts, { channelsMax: 1 });
  const { payer } = requester;
  await buy(requester, reach(service));
  service.work = async (payment, response) => {
    await payment.settle(amount(200));
    response.destroy();
  };
  const provider = reach(service);
  let isPaused = false;
  const refusal = {
    error: { message: 'paused', type: 'server_error', param: null, code: 'paused_disk_full' },
  };
  const pausing: typeof provider = {
    ...provider,
    fetch: async (path, init) =>
      isPaused ? Response.json(refusal, { status: 503 }) : provider.fetch(path, init),
  };
  const lease = await payer.lease(pausing, CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  isPaused = true;
  await lease.abandon();
  await assert.rejects(payer.lease(pausing, CHAT_PATH, CEILING), {
    code: 'paused',
    details: { peer: 'provider-1', code: 'paused_disk_full' },
  });
  assert.deepEqual(payer.unresolved(), ['provider-1'], 'queried again another time');
  await service.close();
});

test('a buyer that crashed during a request learns the charge at its next start', async () => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  service.work = async (payment, response) => {
    await payment.settle(amount(200));
    response.destroy();
  };
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers }));
  // This run does nothing more: the next one has only the data on disk.
  const restarted = openRequester(market.chain, requester.accounts, {
    store: createMemoryRecordStore(requester.store.snapshot()),
  });
  assert.deepEqual(restarted.payer.unresolved(), ['provider-1']);
  const away = { peer: 'provider-1', fetch: () => Promise.reject(new Error('not connected')) };
  await restarted.payer.synchronise(away);
  assert.deepEqual(restarted.payer.unresolved(), ['provider-1'], 'queried again another time');
  await restarted.payer.synchronise(reach(service));
  assert.deepEqual(
    restarted.charges.map(({ total }) => total),
    [service.charge + 200n],
  );
  assert.deepEqual(restarted.payer.unresolved(), []);
  assert.deepEqual(
    restarted.charges.map(({ isAccounted }) => isAccounted),
    [false],
    'no budget has counted it',
  );
  await service.close();
});

test('a charge that a refusal proves is explained by a lost response or by older records, else not', async () => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  const backup = requester.store.snapshot();
  const refuse = async (payer: typeof requester.payer) => {
    const lease = await payer.lease(reach(service), CHAT_PATH, CEILING);
    const headers = { ...lease.headers };
    service.work = async (payment, response) => {
      await payment.settle(amount(200));
      response.destroy();
    };
    await assert.rejects(fetch(service.url + CHAT_PATH, { method: 'POST', headers }));
    service.work = null;
    const { status, headers: answered } = await fetch(service.url + CHAT_PATH, { method: 'POST', headers });
    return lease.refused({ status, headers: Object.fromEntries(answered), body: '{}' });
  };
  assert.deepEqual(await refuse(requester.payer), { charged: 200n, isExplained: false });
  assert.deepEqual(requester.charges.at(-1)?.isAccounted, true, 'by the purchase that was refused');
  assert.deepEqual(await refuse(requester.payer), { charged: 200n, isExplained: false }, 'not once per run');
  const restored = openRequester(market.chain, requester.accounts, {
    store: createMemoryRecordStore(backup),
  });
  assert.equal(await buy(restored, reach(service)), service.charge);
  assert.deepEqual(
    restored.charges.map(({ total, isAccounted }) => [total, isAccounted]),
    [[service.charge + 400n, false]],
  );
  assert.deepEqual(await refuse(restored.payer), { charged: 200n, isExplained: false });
  await service.close();
});

test('a node that makes up a claim neither changes the records nor makes the next voucher larger', async () => {
  const { service, provider, requester: honest } = await freshPair();
  const proxy = await startRpcProxy(market.chain.network.rpcUrl);
  const open = (store = createMemoryRecordStore()) =>
    openRequester(market.chain, honest.accounts, {
      store,
      chain: connectNode({ ...market.chain.network, rpcUrl: proxy.url }),
    });
  const requester = open();
  await buy(requester, reach(service));
  const [{ balance = 0n, channelId = '' } = {}] = await requester.payer.returns.channels();
  const word = (value: bigint) => value.toString(16).padStart(64, '0');
  // The two words that the contract returns for a channel: its balance, and nothing claimed so far.
  const claimed = word(balance) + word(0n);
  proxy.lie = (method, result) =>
    method === 'eth_call' && typeof result === 'string'
      ? result.replace(claimed, word(balance) + word(balance - CEILING))
      : undefined;
  const restarted = open(createMemoryRecordStore(requester.store.snapshot()));
  await restarted.payer.deposits();
  assert.deepEqual(
    [restarted.charges, restarted.payer.charges()],
    [[], [{ channelId, total: service.charge }]],
  );
  await assert.rejects(restarted.payer.lease(reach(service), CHAT_PATH, CEILING), {
    code: 'chain-unavailable',
  });
  proxy.lie = null;
  assert.equal(await buy(restarted, reach(service)), service.charge);
  await provider.settlement.settleNow();
  assert.deepEqual(restarted.payer.charges(), [{ channelId, total: service.charge * 2n }]);
  await proxy.close();
  await service.close();
});

test('a payer that lost all records continues with the same channel and its balance', async () => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  const restored = openRequester(market.chain, requester.accounts);
  assert.equal(await buy(restored, reach(service)), service.charge);
  assert.deepEqual(restored.deposits, [], 'the first deposit is still used');
  assert.equal(service.provider.claims.accounts().length, 1);
  await service.close();
});

test('a request that lasts long, or whose clock is set forward, keeps its channel until it is charged', async (t) => {
  const { service, requester } = await freshPair();
  await buy(requester, reach(service));
  const charged = Promise.withResolvers<() => Promise<unknown>>();
  service.work = async (payment, response) => {
    charged.resolve(() => payment.settle(amount(200)));
    response.writeHead(200).end('{}');
  };
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  const ask = () => fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers });
  assert.equal((await ask()).status, 200);
  const settle = await charged.promise;
  service.work = null;
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 });
  assert.equal((await ask()).status, 402);
  assert.equal(service.reasons.at(-1), 'channel-busy');
  await settle();
  t.mock.timers.reset();
  assert.equal(service.provider.claims.accounts()[0]?.charged, service.charge + 200n);
  await lease.abandon();
  await requester.payer.idle();
  assert.equal(await buy(requester, reach(service)), service.charge, 'the channel is free again');
  await service.close();
});

test('after a crash during a refund, the provider sells nothing for what was refunded', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  const other = openRequester(market.chain, requester.accounts, {
    store: createMemoryRecordStore(requester.store.snapshot()),
  });
  let crashed = provider.store.snapshot();
  const { update } = provider.store;
  provider.store.update = (collection, key, change) => {
    const next = update(collection, key, change);
    if (next?.includes('pendingRequest')) crashed = provider.store.snapshot();
    return next;
  };
  await other.payer.returns.refund(reach(service), lease.channelId);
  service.provider = await openProvider(market.chain, provider.accounts, {
    store: createMemoryRecordStore(crashed),
  });
  const response = await fetch(service.url + CHAT_PATH, { method: 'POST', headers: lease.headers });
  assert.equal(response.status, 402, 'the voucher is for money that is gone');
  await service.close();
});

test('a canceled request costs nothing and the next one succeeds', async () => {
  const { service, requester } = await freshPair();
  service.work = async (payment, response) => {
    await payment.cancel();
    response.writeHead(500).end('engine failed');
  };
  const lease = await requester.payer.lease(reach(service), CHAT_PATH, CEILING);
  const response = await fetch(service.url + CHAT_PATH, {
    method: 'POST',
    headers: lease.headers,
  });
  assert.equal(response.status, 500);
  await lease.abandon();
  await requester.payer.idle();
  service.work = null;
  assert.equal(await buy(requester, reach(service)), service.charge);
  assert.equal(service.provider.claims.accounts()[0]?.charged, service.charge);
  await service.close();
});

test('after a crash between sending and confirming a claim, recovery finds it under the same hash', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  let crashed: ReturnType<typeof provider.store.snapshot> | null = null;
  const original = provider.store.set;
  provider.store.set = (collection, key, value) => {
    original(collection, key, value);
    if (collection === 'x402-outbox') crashed ??= provider.store.snapshot();
  };
  const reported = await provider.settlement.settleNow();
  if (crashed === null) throw new Error('the claim was not recorded before it was sent');

  const restarted = await openProvider(market.chain, provider.accounts, {
    store: createMemoryRecordStore(crashed),
  });
  const events: SettlementEvent[] = [];
  restarted.settlement.onEvent((event) => events.push(event));
  const result = await restarted.settlement.settleNow();

  assert.deepEqual(result.claims, reported.claims, 'the same claim, reported again');
  assert.equal(
    result.settle?.tx.hash,
    reported.settle?.tx.hash,
    'and the payout that followed, found on the chain',
  );
  assert.equal(events.length, 2);
  assert.deepEqual(await restarted.claims.recover(), []);
  assert.equal(await tokenOf(provider, provider.gate.payout), service.charge);
  await service.close();
});

test('thirty channels opened concurrently are claimed in two transactions', async () => {
  const { provider, service, requester: first } = await freshPair();
  const requester = openRequester(market.chain, first.accounts, { channelsMax: 30 });
  const inside: (() => void)[] = [];
  service.work = async (payment, response) => {
    await new Promise<void>((resolve) => {
      inside.push(resolve);
      // No request is served before all of them have a channel.
      if (inside.length === 30) for (const release of inside) release();
    });
    const { paymentResponse } = await payment.settle(amount(10));
    response.writeHead(200, { [PAYMENT_RESPONSE_HEADER]: paymentResponse }).end();
  };
  await Promise.all(Array.from({ length: 30 }, () => buy(requester, reach(service))));
  const result = await provider.settlement.settleNow();
  assert.deepEqual(
    result.claims.map((claim) => claim.channels.length),
    [25, 5],
  );
  assert.equal(result.settle?.amount, 300n);
  await service.close();
});

test('claims during trade neither lose nor double an amount', async () => {
  const { provider, service, requester } = await freshPair();
  const claimed: bigint[] = [];
  const paidOut: bigint[] = [];
  provider.settlement.onEvent((event) => {
    if (event.type === 'claimed') claimed.push(...event.channels.map((channel) => channel.amount));
    if (event.type === 'settled') paidOut.push(event.amount);
  });
  let trading = true;
  const settling = (async () => {
    while (trading) await provider.settlement.settleNow();
  })();
  const charges = await Promise.all(Array.from({ length: 90 }, () => buy(requester, reach(service))));
  trading = false;
  await settling;
  await provider.settlement.settleNow();
  assert.equal(sum(charges), service.charge * 90n);
  assert.equal(sum(claimed), sum(charges));
  assert.equal(sum(paidOut), sum(charges));
  assert.equal(await tokenOf(provider, provider.gate.payout), sum(charges));
  await service.close();
});

test('detects that a payer has started a withdrawal', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  await market.chain.fund(requester.accounts.funds.address, amount(0));
  const sender = createSender(provider.node, requester.accounts.funds);
  const { default: artifact } = await import('../../contracts/artifacts/BatchSettlement.json', {
    with: { type: 'json' },
  });
  const channelConfig = JSON.parse(provider.store.list('x402-sold-terms')[0]?.value ?? '{}');
  const hash = await sender.writeContract({
    address: SETTLEMENT_ADDRESS,
    abi: artifact.abi,
    functionName: 'initiateWithdraw',
    args: [channelConfig, 5_000n],
  });
  assert.equal((await sender.waitForReceipt(hash)).status, 'success');
  await provider.claims.refresh();
  assert.equal(provider.claims.accounts()[0]?.withdrawing, true);
  await service.close();
});

test('while the chain is unavailable, funded channels keep working and settlement is deferred', async () => {
  const { provider, service, requester } = await freshPair();
  await buy(requester, reach(service));
  const waiting: string[] = [];
  provider.settlement.onEvent((event) => event.type === 'waiting' && waiting.push(event.reason));
  const port = Number(new URL(market.chain.network.rpcUrl).port);
  await market.chain.stop();

  assert.equal(await buy(requester, reach(service)), service.charge);
  await assert.rejects(provider.settlement.settleNow(), { code: 'chain-unavailable' });
  assert.deepEqual(waiting, ['The chain is unreachable.']);
  assert.equal(provider.settlement.receivables()[0]?.reason, 'chain-unavailable');
  const stranger = openRequester(market.chain, await makeAccounts());
  await assert.rejects(buy(stranger, reach(service)), { code: 'chain-unavailable' });
  const elsewhere = { ...provider.node, readContract: async () => [0n, 0n] };
  const sighted = openRequester(market.chain, await makeAccounts(), { chain: elsewhere });
  await assert.rejects(buy(sighted, reach(service)), { code: 'chain-unavailable' });
  assert.ok(service.reasons.includes('chain-unavailable'), 'a deposit gets 503');

  const chain = await startPracticeChain({ folder, port, moreMethods: TEST_METHODS });
  market = { ...market, chain };
  const result = await provider.settlement.settleNow();
  assert.equal(result.settle?.amount, service.charge * 2n);
  assert.equal(await tokenOf(provider, provider.gate.payout), service.charge * 2n);
  await service.close();
});

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, value) => total + value, 0n);
}
