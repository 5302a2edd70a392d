/**
 * Goal: what is owed reaches the wallet by policy: at the threshold, at once when a payer leaves, again when the
 * chain comes back, and never told twice.
 * Method: the policy on a claims port in memory and a clock that is moved by hand.
 * Would break: fees eaten by tiny claims, a dead channel that blocks the others, a settlement that gives up, a
 * ledger that misses an outcome.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amount } from '../../../shared/money.ts';
import { RECEIVABLE_REASONS } from '../../../shared/receivables.ts';
import { setUp } from './fake-claims.ts';

/** Lets everything that waits for resolved promises go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('nothing is claimed below the threshold, everything at it', async () => {
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

test('a payer who withdraws is claimed from at once, whatever the sum', async () => {
  const { claims, clock, settlement } = setUp();
  claims.owe('a', 3n, true);
  settlement.start();
  clock.advance(5_000);
  await settled();
  assert.deepEqual(claims.batches, [['a']]);
  await settlement.stop();
});

test('claims go in batches of 25, the largest debts first', async () => {
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

test('a voucher that the chain refuses holds up no other channel and is tried no more', async () => {
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

test('with the chain away it says so, tries again with growing pauses, and then pays', async () => {
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
  assert.ok(tries > 5 && tries < 30, `${tries} tries in an hour`);
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

test('what an earlier run claimed and did not pay out is paid out', async () => {
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

test('a start without a chain claims nothing early: only what was begun is looked for', async () => {
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

test('by hand it fails with the reason, so that the page can show it', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 5n);
  claims.away = true;
  await assert.rejects(settlement.settleNow(), { code: 'chain-unavailable' });
});

test('an outcome is forgotten only after the listeners have booked it', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 5n);
  const stop = settlement.onEvent((event) => {
    if (event.type === 'claimed') throw new Error('the ledger is full');
  });
  await assert.rejects(settlement.settleNow());
  assert.equal(claims.unacknowledged.size, 1);
  stop();
  const result = await settlement.settleNow();
  assert.equal(result.claims.length, 1, 'told again');
  assert.equal(claims.unacknowledged.size, 0);
});

test('two calls at once are one settlement', async () => {
  const { claims, settlement } = setUp();
  claims.owe('a', 5n);
  const [first, second] = await Promise.all([settlement.settleNow(), settlement.settleNow()]);
  assert.equal(first, second);
  assert.equal(claims.batches.length, 1);
});

test('without a proven backup it claims and pays nothing out, says why, and pays once it is proven', async () => {
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

const reasonOf = ({ settlement }: ReturnType<typeof setUp>, id = 'a') =>
  settlement.receivables().find(({ channelId }) => channelId === id)?.reason;

test('each reason that a receivable can have is reached, and there is a state for each', async () => {
  const seen = new Set<string>();
  const see = (reason: string | undefined): void => {
    seen.add(reason ?? 'none');
  };
  const quiet = setUp();
  quiet.claims.owe('a', 5n);
  see(reasonOf(quiet));
  assert.equal(quiet.settlement.receivables()[0]?.state, 'owed');
  quiet.claims.owe('a', 5_000n);
  see(reasonOf(quiet));
  quiet.claims.confirming = true;
  see(reasonOf(quiet));

  const leaving = setUp();
  leaving.claims.owe('a', 5n, true);
  see(reasonOf(leaving));

  const claiming = setUp();
  claiming.claims.owe('a', 5n);
  let release = (): void => undefined;
  claiming.claims.stall = new Promise((resolve) => {
    release = resolve;
  });
  const running = claiming.settlement.settleNow();
  await settled();
  see(reasonOf(claiming));
  // Told between claim and payout, where the payout is under way.
  const unsubscribe = claiming.settlement.onEvent((event) => {
    if (event.type === 'settled') see(reasonOf(claiming, 'b'));
  });
  claiming.claims.owe('b', 7n);
  release();
  await running;
  unsubscribe();

  for (const fault of ['away', 'mismatch', 'poor', 'broken'] as const) {
    const kept = setUp();
    kept.claims.owe('a', 5n);
    kept.claims[fault] = true;
    await assert.rejects(kept.settlement.settleNow());
    see(reasonOf(kept));
  }

  const bad = setUp();
  bad.claims.owe('a', 5n);
  bad.claims.bad = 'a';
  await bad.settlement.settleNow();
  see(reasonOf(bad));

  const unproven = setUp(1_000n, () => true);
  unproven.claims.owe('a', 5n);
  await unproven.settlement.settleNow();
  see(reasonOf(unproven));
  assert.equal(unproven.settlement.receivables()[0]?.state, 'claimed');

  const dropped = setUp();
  dropped.claims.owe('a', 5n);
  await dropped.settlement.settleNow();
  dropped.claims.undo('0x9', 'a', 5n);
  dropped.settlement.start();
  await settled();
  see(reasonOf(dropped));
  await dropped.settlement.stop();

  const dear = setUp(1_000n, undefined, () => ({ token: amount(1n), coin: amount(1n) }));
  dear.claims.owe('a', 2_000n);
  dear.claims.feeCoin = 200n;
  dear.claims.away = true;
  dear.settlement.start();
  dear.claims.away = false;
  dear.clock.advance(1);
  await settled();
  dear.clock.advance(60_000);
  await settled();
  see(reasonOf(dear));
  assert.deepEqual(dear.claims.batches, [], 'twenty fees are more than is owed');
  dear.claims.feeCoin = 20n;
  dear.clock.advance(60_000);
  await settled();
  assert.deepEqual(dear.claims.batches, [['a']], 'the fee fell');
  await dear.settlement.stop();

  assert.deepEqual([...seen].sort(), [...RECEIVABLE_REASONS].sort());
});

test('what waited for a week goes out, when it is worth at least its fee', async () => {
  const { claims, clock, settlement } = setUp();
  claims.owe('a', 99n);
  settlement.start();
  clock.advance(8 * 86_400_000);
  await settled();
  assert.deepEqual(claims.batches, [], 'a tenth of the threshold is the least');
  claims.owe('b', 1n);
  clock.advance(8 * 86_400_000);
  await settled();
  assert.equal(claims.batches.length, 1);
  await settlement.stop();
});

test('before a sleep what is worth it is claimed; a chain that is away holds nobody up', async () => {
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

test('a clock that is wrong by a day neither loses nor hurries anything', async () => {
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

test('what is found without a call of ours is booked at once', async () => {
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
