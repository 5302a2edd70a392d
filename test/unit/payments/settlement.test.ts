/**
 * Verifies: the balance due reaches the wallet by policy: at the threshold, immediately when a payer withdraws, again
 * when the chain is back; each outcome is reported once.
 * Setup: the policy on a claims port in memory and a clock that the test moves.
 * Fails if: tiny claims spend their worth on fees, a rejected voucher blocks the other channels, a settlement gives
 * up, the ledger misses an outcome.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coinPriceOf } from '../../../main/core/payments/index.ts';
import { amount } from '../../../shared/money.ts';
import { settled, setUp } from './fake-claims.ts';

test('claims nothing below the threshold and everything at it', async () => {
  const { claims, clock, settlement, events } = setUp();
  claims.owe('a', 600n);
  settlement.start();
  clock.advance(60_000);
  await settled();
  assert.deepEqual(claims.batches, []);
  assert.equal(settlement.receivables()[0]?.reason, 'below-threshold');
  claims.owe('b', 400n);
  clock.advance(5_000);
  await settled();
  assert.deepEqual(
    events.map((event) => event.type),
    ['claimed', 'settled'],
  );
  assert.deepEqual(settlement.receivables(), []);
  await settlement.stop();
});

test('claims immediately from a payer that withdraws, regardless of the amount', async () => {
  const { claims, clock, settlement } = setUp();
  claims.owe('a', 3n, true);
  settlement.start();
  clock.advance(5_000);
  await settled();
  assert.deepEqual(claims.batches, [['a']]);
  await settlement.stop();
});

test('claims in batches of 25, the largest balance due first', async () => {
  const { claims, settlement } = setUp();
  for (let number = 1; number <= 60; number += 1) claims.owe(`channel-${number}`, BigInt(number));
  const result = await settlement.settleNow();
  assert.deepEqual(
    claims.batches.map((batch) => batch.length),
    [25, 25, 10],
  );
  assert.equal(claims.batches[0]?.[0], 'channel-60');
  assert.equal(result.settle?.amount, 1_830n);
});

test('a voucher rejected on-chain is not retried and does not block other channels', async () => {
  const { claims, settlement, events } = setUp();
  for (let number = 1; number <= 8; number += 1) claims.owe(`channel-${number}`, 100n);
  claims.bad = 'channel-3';
  const result = await settlement.settleNow();
  assert.equal(result.settle?.amount, 700n);
  assert.ok(events.some((event) => event.type === 'waiting' && event.reason.includes('channel-3')));
  const before = claims.batches.length;
  await settlement.settleNow();
  assert.equal(claims.batches.length, before);
});

test('while the chain is unavailable it reports so, retries with growing pauses, and then pays', async () => {
  const { claims, clock, settlement, events } = setUp();
  claims.owe('a', 5_000n);
  claims.away = true;
  settlement.start();
  await settled();
  for (let minute = 0; minute < 60; minute += 1) {
    for (let check = 0; check < 12; check += 1) {
      clock.advance(5_000);
      await settled();
    }
  }
  const tries = events.length;
  assert.ok(tries > 5 && tries < 30, `${tries} tries in one hour`);
  assert.ok(
    events.every((event) => event.type === 'waiting' && event.reason === 'The chain cannot be reached.'),
  );
  assert.equal(settlement.receivables()[0]?.reason, 'chain-unavailable');
  claims.away = false;
  clock.advance(300_000);
  await settled();
  assert.deepEqual(
    events.slice(tries).map((event) => event.type),
    ['claimed', 'settled'],
  );
  await settlement.stop();
});

test('pays out what an earlier run claimed and did not pay out', async () => {
  const { claims, clock, settlement, events } = setUp();
  claims.owe('a', 5n);
  const claimed = await claims.claim(['a']);
  if (claimed !== null) claims.acknowledge(claimed);
  settlement.start();
  clock.advance(5_000);
  await settled();
  assert.deepEqual(
    events.map((event) => event.type),
    ['settled'],
  );
  await settlement.stop();
});

test('after a start without the chain it only recovers what was begun, and claims nothing early', async () => {
  const { claims, clock, settlement, events } = setUp();
  claims.owe('a', 5n);
  claims.away = true;
  settlement.start();
  await settled();
  assert.deepEqual(
    events.map((event) => event.type),
    ['waiting'],
  );
  claims.away = false;
  clock.advance(10_000);
  await settled();
  clock.advance(60_000);
  await settled();
  assert.deepEqual(claims.batches, []);
  assert.equal(settlement.receivables()[0]?.reason, 'below-threshold');
  await settlement.stop();
});

test('a manual settlement fails with the cause, which the page shows', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 5n);
  claims.away = true;
  await assert.rejects(settlement.settleNow(), { code: 'chain-unavailable' });
});

test('acknowledges an outcome only after the listeners have recorded it', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 5n);
  const stop = settlement.onEvent((event) => {
    if (event.type === 'claimed') throw new Error('the ledger is full');
  });
  await assert.rejects(settlement.settleNow());
  assert.equal(claims.unacknowledged.size, 1);
  stop();
  const result = await settlement.settleNow();
  assert.equal(result.claims.length, 1, 'reported again');
  assert.equal(claims.unacknowledged.size, 0);
});

test('two concurrent calls are one settlement', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 5n);
  const [first, second] = await Promise.all([settlement.settleNow(), settlement.settleNow()]);
  assert.equal(first, second);
  assert.equal(claims.batches.length, 1);
});

test('without a verified backup it claims, pays nothing out and reports why; it pays once it is verified', async () => {
  let awaits = true;
  const { claims, clock, settlement, events } = setUp(1_000n, () => awaits);
  claims.owe('a', 2_000n);
  settlement.start();
  for (let check = 0; check < 5; check += 1) {
    clock.advance(5_000);
    await settled();
  }
  assert.deepEqual(
    events.map((event) => event.type),
    ['claimed', 'waiting'],
  );
  assert.equal(settlement.receivables()[0]?.reason, 'wallet-not-backed-up');
  assert.equal((await settlement.settleNow()).settle, null);
  awaits = false;
  clock.advance(5_000);
  await settled();
  assert.equal(events.at(-1)?.type, 'settled');
  assert.deepEqual(settlement.receivables(), []);
  await settlement.stop();
});

test('settles what has been due for a week if it is worth its fee', async () => {
  const { claims, clock, settlement } = setUp();
  claims.owe('a', 99n);
  settlement.start();
  clock.advance(8 * 86_400_000);
  await settled();
  assert.deepEqual(claims.batches, [], 'a tenth of the threshold is the minimum');
  claims.owe('b', 1n);
  clock.advance(8 * 86_400_000);
  await settled();
  assert.equal(claims.batches.length, 1);
  await settlement.stop();
});

test('before a sleep it claims what is worth its fee, and an unavailable chain does not delay the sleep', async () => {
  const { claims, clock, settlement } = setUp();
  claims.owe('a', 99n);
  await settlement.beforeSleep();
  assert.deepEqual(claims.batches, []);
  claims.owe('a', 100n);
  await settlement.beforeSleep();
  assert.deepEqual(claims.batches, [['a']]);
  claims.owe('a', 300n);
  claims.away = true;
  await settlement.beforeSleep();
  claims.away = false;
  claims.stall = new Promise(() => undefined);
  let slept = false;
  const sleeping = settlement.beforeSleep().then(() => {
    slept = true;
  });
  await settled();
  assert.equal(slept, false);
  clock.advance(4_000);
  await sleeping;
});

test('a clock that is wrong by a day neither loses nor hastens a claim', async () => {
  const { claims, clock, settlement } = setUp();
  claims.owe('a', 500n);
  settlement.start();
  clock.jump(-86_400_000);
  clock.advance(60_000);
  await settled();
  assert.deepEqual(claims.batches, []);
  assert.equal(settlement.receivables()[0]?.owed, 500n);
  clock.jump(2 * 86_400_000);
  clock.advance(60_000);
  await settled();
  assert.deepEqual(claims.batches, []);
  claims.owe('a', 1_000n);
  clock.advance(5_000);
  await settled();
  assert.equal(claims.batches.length, 1);
  await settlement.stop();
});

test('records immediately an outcome that no call from here brought', async () => {
  const { claims, settlement, events } = setUp();
  claims.owe('a', 5n);
  settlement.start();
  await settled();
  await claims.claim(['a']);
  claims.announce();
  await settled();
  assert.deepEqual(
    events.map((event) => event.type),
    ['claimed'],
  );
  await settlement.stop();
});

test('a failure is logged with its cause, and an unexpected one with its error', async () => {
  const { claims, settlement, log } = setUp();
  claims.owe('a', 5n);
  claims.away = true;
  await assert.rejects(settlement.settleNow());
  claims.away = false;
  claims.broken = true;
  await assert.rejects(settlement.settleNow(), /a bug/);
  const [expected, unexpected] = log.lines;
  assert.deepEqual([expected?.level, expected?.fields.code], ['warn', 'chain-unavailable']);
  assert.deepEqual([unexpected?.level, String(unexpected?.error)], ['error', 'Error: a bug']);
});

test('a rejected voucher is tried again once the channel has a newer one, and not before', async () => {
  const { claims, clock, settlement } = setUp(100n);
  claims.owe('a', 300n);
  claims.bad = 'a';
  settlement.start();
  await settled();
  const minute = async () => {
    for (let check = 0; check < 12; check += 1) {
      clock.advance(5_000);
      await settled();
    }
  };
  await minute();
  const tries = claims.batches.length;
  assert.ok(tries >= 1);
  await minute();
  assert.equal(claims.batches.length, tries, 'the same voucher');
  assert.equal(settlement.receivables()[0]?.reason, 'voucher-refused');
  claims.owe('a', 301n);
  assert.notEqual(settlement.receivables()[0]?.reason, 'voucher-refused');
  claims.bad = null;
  await minute();
  assert.equal(claims.batches.length, tries + 1);
  assert.deepEqual(settlement.receivables(), []);
  await settlement.stop();
});

test('a voucher that arrives while the older one is rejected counts as newer', async () => {
  const { claims, settlement } = setUp(100n);
  claims.owe('a', 300n);
  claims.bad = 'a';
  const { promise, resolve } = Promise.withResolvers<void>();
  claims.stall = promise;
  const first = settlement.settleNow();
  await settled();
  claims.owe('a', 400n);
  resolve();
  await first;
  claims.bad = null;
  const { settle } = await settlement.settleNow();
  assert.equal(settle?.amount, 400n);
});

/** One base unit of the token per base unit of the coin. */
const PAR = () => ({ token: amount(1n), coin: amount(1n) });

test('a payer that withdraws is claimed only if that brings more than the fee', async () => {
  for (const [owed, isClaimed] of [
    [83n, false],
    [100n, false],
    [101n, true],
  ] as const) {
    const { claims, clock, settlement } = setUp(1_000n, () => false, PAR);
    claims.feeCoin = 100n;
    settlement.start();
    await settled();
    clock.advance(60_000);
    await settled();
    claims.owe('a', owed, true);
    clock.advance(5_000);
    await settled();
    assert.equal(claims.batches.length, isClaimed ? 1 : 0, `${owed}`);
    if (!isClaimed) assert.equal(settlement.receivables()[0]?.reason, 'fee-too-high');
    await settlement.stop();
  }
});

test('with a known price of the coin a payout waits until it is worth 20 fees', async () => {
  const { claims, clock, settlement } = setUp(1_000n, () => false, PAR);
  claims.feeCoin = 100n;
  settlement.start();
  await settled();
  clock.advance(60_000);
  await settled();
  claims.owe('a', 1_999n);
  clock.advance(5_000);
  await settled();
  assert.deepEqual(claims.batches, []);
  assert.equal(settlement.receivables()[0]?.reason, 'fee-too-high');
  assert.equal(settlement.fee(), 100n);
  claims.owe('a', 2_000n);
  clock.advance(5_000);
  await settled();
  assert.deepEqual(claims.batches, [['a']]);
  await settlement.stop();
});

test('a fee above the limit is the reason shown, and is retried', async () => {
  const { claims, clock, settlement } = setUp(100n);
  claims.owe('a', 300n);
  claims.costly = true;
  await assert.rejects(settlement.settleNow(), { code: 'fee-too-high' });
  assert.equal(settlement.receivables()[0]?.reason, 'fee-too-high');
  claims.costly = false;
  settlement.start();
  clock.advance(5_000);
  await settled();
  assert.deepEqual(claims.batches, [['a']]);
  await settlement.stop();
});

test('a network’s fixed price precedes the owner’s; without either the price is unknown', () => {
  const network = (coinPriceMicroUsd: number | null) => ({ coin: { decimals: 18 }, coinPriceMicroUsd });
  const coin = 10n ** 18n;
  assert.deepEqual(coinPriceOf(network(1_000), 5), { token: 1_000n, coin });
  assert.deepEqual(coinPriceOf(network(null), 3_000_000_000), { token: 3_000_000_000n, coin });
  assert.equal(coinPriceOf(network(null), null), null);
});

test('the amount that a channel has claimed so far includes payouts', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 300n);
  await settlement.settleNow();
  claims.owe('a', 310n);
  const [row] = settlement.receivables();
  assert.equal(row?.owed, 10n);
  assert.equal(row?.claimed, 0n, 'nothing waits for a payout');
  assert.equal(row?.claimedTotal, 300n);
});
