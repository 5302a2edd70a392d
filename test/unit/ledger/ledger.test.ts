/**
 * Verifies: no cent is lost, invented, recorded twice or changed afterwards.
 * Setup: the ledger on a real SQLite database in memory; properties over random sequences of events.
 * Fails if: a line has no opposite, the idempotency check is missing, an UPDATE gets through.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import {
  ACCOUNT_NAMES,
  ACCOUNTS,
  createLedger,
  type PostingRequest,
} from '../../../main/core/ledger/index.ts';
import type { Account } from '../../../main/ports/ledger.ts';
import { isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from '../jobs/job-samples.ts';

const TOKEN = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';
const NOON = Date.UTC(2026, 10, 23, 12);
const HOUR_MS = 3_600_000;

function setUp(timeZone = 'UTC') {
  const clock = manualClock(NOON);
  const database = openDatabase(':memory:');
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar(timeZone) });
  /** Records one arbitrary entry. */
  const post = (request: PostingRequest) => ledger.postAll([request])[0];
  return { clock, database, ledger, post };
}

function transfer(key: string, from: Account, to: Account, value: bigint, assetId = TOKEN): PostingRequest {
  return {
    key,
    atMs: NOON,
    kind: 'opening',
    description: 'a test',
    lines: [
      { account: to, assetId, amount: amount(value) },
      { account: from, assetId, amount: amount(-value) },
    ],
  };
}

/** True for an account that an entry on this side must not take below zero. */
const isFirm = (name: Account, grows: 'debit' | 'credit') =>
  ACCOUNTS[name].mayBeNegative === null && ACCOUNTS[name].grows === grows;
const accountPair = fc
  .tuple(
    fc.constantFrom(...ACCOUNT_NAMES.filter((name) => !isFirm(name, 'debit'))),
    fc.constantFrom(...ACCOUNT_NAMES.filter((name) => !isFirm(name, 'credit'))),
  )
  .filter(([from, to]) => from !== to);
const posting = fc
  .tuple(fc.nat(30), accountPair, fc.bigInt(1n, 2n ** 128n), fc.constantFrom(TOKEN, COIN))
  .map(([key, [from, to], value, assetId]) => transfer(`key-${key}`, from, to, value, assetId));

test('any sequence of entries balances, and repeating it changes nothing', () => {
  fc.assert(
    fc.property(fc.uniqueArray(posting, { selector: ({ key }) => key, maxLength: 25 }), (postings) => {
      const { ledger, database } = setUp();
      assert.deepEqual(
        ledger.postAll(postings),
        postings.map(() => 'posted'),
      );
      ledger.verifyBalanced();
      const before = ledger.trialBalance();
      assert.deepEqual(
        ledger.postAll(postings),
        postings.map(() => 'repeated'),
      );
      assert.deepEqual(ledger.trialBalance(), before);
      assert.equal(ledger.entries({ limit: 500 }).length, postings.length);
      database.close();
    }),
    { numRuns: 60 },
  );
});

test('entries and their reversals net to zero on every account', () => {
  fc.assert(
    fc.property(fc.uniqueArray(posting, { selector: ({ key }) => key, maxLength: 15 }), (postings) => {
      const { ledger, database } = setUp();
      ledger.postAll(postings);
      // Newest first: an amount can only be reversed while it is still in the account.
      for (const { key } of postings.toReversed()) {
        assert.equal(ledger.reverse(key, 'a mistake'), 'posted');
        assert.equal(ledger.reverse(key, 'a mistake'), 'repeated');
      }
      for (const entry of ledger.trialBalance()) assert.equal(entry.amount, 0n);
      ledger.verifyBalanced();
      database.close();
    }),
    { numRuns: 40 },
  );
});

test('rejects the reversal of a reversal and of an unknown key', () => {
  const { ledger, post } = setUp();
  post(transfer('a', 'equity:opening', 'wallet', 5n));
  ledger.reverse('a', 'a mistake');
  assert.throws(() => ledger.reverse('reversal:a', 'again'), /a reversal is not reversed/);
  assert.throws(
    () => ledger.reverse('b', 'again'),
    (error) => isAppError(error, 'not-found'),
  );
});

test('rejects as a whole what does not balance, has a zero line or an unknown account', () => {
  const { ledger, post } = setUp();
  const good = transfer('a', 'equity:opening', 'wallet', 5n);
  const [debit, credit] = good.lines;
  assert.ok(debit && credit);
  const bad: PostingRequest[] = [
    { ...good, lines: [debit, { ...credit, amount: amount(-4n) }] },
    { ...good, lines: [debit, { ...credit, assetId: COIN }] },
    { ...good, lines: [debit] },
    { ...good, lines: [] },
    { ...good, lines: [debit, credit, { ...debit, amount: amount(0n) }] },
    { ...good, lines: [debit, { ...credit, account: 'toString' as Account }] },
    { ...good, key: '' },
    { ...good, atMs: Number.NaN },
  ];
  for (const request of bad) assert.throws(() => post(request), /assertion failed/);
  assert.throws(() => ledger.postAll([good, ...bad]), /assertion failed/);
  assert.deepEqual(ledger.trialBalance(), []);
});

test('rejects the same key with different content; another time and description are the same event', () => {
  const { ledger, post } = setUp();
  const original = transfer('a', 'equity:opening', 'wallet', 5n);
  post(original);
  assert.equal(post({ ...original, atMs: NOON + 1, description: 'reported again' }), 'repeated');
  assert.throws(
    () => post(transfer('a', 'equity:opening', 'wallet', 6n)),
    /recorded before with different content/,
  );
  assert.throws(() => post({ ...original, txHash: '0x01' }), /recorded before with different content/);
  assert.equal(ledger.balance('wallet', TOKEN), 5n);
});

test('money of a job moves from charge to wallet, and income stays the same', () => {
  const { ledger } = setUp();
  const job = soldJob({ id: 'j1', state: 'charged', charged: '700', cumulative: '700', endedAtMs: NOON });
  assert.equal(ledger.jobCharged(job), 'posted');
  assert.equal(ledger.jobCharged(job), 'repeated');
  assert.equal(ledger.balance('channels:owed', TOKEN), 700n);
  const claim = { txHash: '0xc1', assetId: TOKEN, channels: [{ channelId: '0xch', amount: amount(700) }] };
  ledger.channelsClaimed(claim);
  ledger.networkFee({ txHash: '0xc1', assetId: COIN, amount: amount(21) });
  assert.equal(ledger.channelsClaimed(claim), 'repeated');
  assert.equal(ledger.balance('contract:claimed', TOKEN), 700n);
  ledger.paidOut({ txHash: '0xp1', assetId: TOKEN, amount: amount(700) });
  assert.equal(ledger.balance('channels:owed', TOKEN), 0n);
  assert.equal(ledger.balance('contract:claimed', TOKEN), 0n);
  assert.equal(ledger.balance('wallet', TOKEN), 700n);
  ledger.faucet({ reference: '0xf', assetId: TOKEN, amount: amount(5) });
  assert.equal(ledger.received(TOKEN), 700n, 'faucet money was not earned');
  assert.equal(ledger.balance('wallet', COIN), -21n);
  assert.equal(ledger.balance('fees:network', COIN), 21n);
  assert.equal(ledger.earned(TOKEN, 'total'), 700n);
  ledger.verifyBalanced();
});

test('a buyer pays through a channel from faucet money and gets the rest refunded', () => {
  const { ledger } = setUp();
  ledger.faucet({ reference: '0xf', assetId: TOKEN, amount: amount(1000) });
  ledger.deposited({ txHash: '0xd', channelId: '0xch', assetId: TOKEN, amount: amount(600) });
  ledger.jobCharged({
    ...soldJob({ id: 'b1', state: 'charged', charged: '250', cumulative: '250' }),
    side: 'bought',
  });
  ledger.refunded({ txHash: '0xr', channelId: '0xch', assetId: TOKEN, amount: amount(350) });
  assert.equal(ledger.balance('wallet', TOKEN), 750n);
  assert.equal(ledger.balance('channels:deposited', TOKEN), 0n);
  assert.equal(ledger.balance('expense:inference', TOKEN), 250n);
  assert.equal(ledger.earned(TOKEN, 'total'), 0n);
});

test('no sequence of entries overdraws an account that must not be negative', () => {
  const anyPair = fc
    .tuple(fc.constantFrom(...ACCOUNT_NAMES), fc.constantFrom(...ACCOUNT_NAMES))
    .filter(([from, to]) => from !== to);
  const step = fc.tuple(anyPair, fc.bigInt(1n, 5n));
  fc.assert(
    fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (batches) => {
      const { ledger, database } = setUp();
      const held = new Map<Account, bigint>();
      let count = 0;
      for (const batch of batches) {
        const next = new Map(held);
        let allowed = true;
        const requests = batch.map(([[from, to], value]) => {
          for (const [account, change] of [
            [from, -value],
            [to, value],
          ] as const) {
            next.set(account, (next.get(account) ?? 0n) + change);
          }
          if (isFirm(from, 'debit') && (next.get(from) ?? 0n) < 0n) allowed = false;
          if (isFirm(to, 'credit') && (next.get(to) ?? 0n) > 0n) allowed = false;
          count += 1;
          return transfer(`step-${count}`, from, to, value);
        });
        if (allowed) {
          ledger.postAll(requests);
          for (const [account, value] of next) held.set(account, value);
        } else {
          assert.throws(
            () => ledger.postAll(requests),
            (error) => isAppError(error, 'database-corrupt'),
          );
        }
      }
      for (const { account, amount: value } of ledger.trialBalance()) {
        assert.equal(value, held.get(account) ?? 0n, 'a rejected batch left nothing');
      }
      assert.deepEqual(ledger.problems(), []);
      database.close();
    }),
    { numRuns: 60 },
  );
});

test('events that move no money record nothing', () => {
  const { ledger } = setUp();
  assert.equal(ledger.jobCharged(soldJob({ charged: null })), 'nothing');
  assert.equal(ledger.jobCharged(soldJob({ charged: '5', cumulative: null })), 'nothing', 'only intended');
  assert.equal(ledger.jobCharged(soldJob({ charged: '0', cumulative: '0' })), 'nothing');
  assert.equal(ledger.channelsClaimed({ txHash: '0x1', assetId: TOKEN, channels: [] }), 'nothing');
  assert.equal(ledger.paidOut({ txHash: '0x1', assetId: TOKEN, amount: amount(0) }), 'nothing');
  assert.deepEqual(ledger.entries({ limit: 10 }), []);
});

test('a charge that a crash kept from the ledger is recovered once, and only the missing part', () => {
  const { ledger } = setUp();
  ledger.jobCharged(soldJob({ id: 'j1', state: 'charged', charged: '700', cumulative: '700' }));
  const channel = { side: 'sold', channelId: '0xch', assetId: TOKEN } as const;
  assert.equal(ledger.recoverCharges({ ...channel, total: amount(700) }), 'nothing');
  assert.equal(ledger.recoverCharges({ ...channel, total: amount(950) }), 'posted');
  assert.equal(ledger.recoverCharges({ ...channel, total: amount(950) }), 'nothing');
  assert.equal(ledger.balance('channels:owed', TOKEN), 950n);
  assert.throws(
    () => ledger.recoverCharges({ ...channel, total: amount(1) }),
    (error) => isAppError(error, 'database-corrupt'),
  );
  ledger.faucet({ reference: '0xf', assetId: TOKEN, amount: amount(100) });
  ledger.deposited({ txHash: '0xd', channelId: '0xch', assetId: TOKEN, amount: amount(100) });
  ledger.recoverCharges({ ...channel, side: 'bought', total: amount(30) });
  assert.equal(ledger.bookedOnChannel('sold', '0xch'), 950n);
  assert.equal(ledger.bookedOnChannel('bought', '0xch'), 30n);
});

test('income dated in the future, by a clock that was wrong, counts on its own day and not today', () => {
  const { ledger, clock } = setUp('Europe/Berlin');
  const later = NOON + 24 * HOUR_MS;
  ledger.jobCharged(
    soldJob({ id: 'ahead', charged: '300', cumulative: '300', endedAtMs: later, model: 'a' }),
  );
  const today = { day: '2026-11-23', earned: 0n, resold: 0n, jobs: 0, feesCoin: 0n };
  assert.equal(ledger.earned(TOKEN, 'today'), 0n);
  assert.equal(ledger.earned(TOKEN, 'week'), 0n);
  assert.deepEqual(ledger.earningsByDay(TOKEN, COIN, 1), [today]);
  assert.deepEqual(ledger.earningsByModel(TOKEN, 30), []);
  assert.equal(ledger.earned(TOKEN, 'total'), 300n, 'the money itself is there');
  clock.advance(24 * HOUR_MS);
  assert.equal(ledger.earned(TOKEN, 'today'), 300n);
  assert.equal(ledger.earningsByDay(TOKEN, COIN, 1)[0]?.earned, 300n);
});

test('today’s income is summed by hour', () => {
  const { ledger, clock } = setUp('Europe/Berlin');
  const start = Date.UTC(2026, 10, 22, 23);
  const sold = (id: string, charged: string, endedAtMs: number) =>
    ledger.jobCharged(soldJob({ id, charged, cumulative: charged, endedAtMs, model: 'a' }));
  sold('yesterday', '1', start - 1);
  sold('first', '20', start);
  sold('quarter', '5', start + 15 * 60_000);
  sold('noon', '300', NOON);
  const hours = ledger.earningsByHour(TOKEN);
  assert.equal(hours.length, 24);
  assert.deepEqual(
    hours.filter(({ earned }) => earned > 0n),
    [
      { fromMs: start, earned: 25n },
      { fromMs: NOON - (NOON % HOUR_MS), earned: 300n },
    ],
  );
  clock.advance(24 * HOUR_MS);
  assert.ok(ledger.earningsByHour(TOKEN).every(({ earned }) => earned === 0n));
});

test('income is summed by local day, week and model; days without income are included', () => {
  const { ledger, clock } = setUp('Europe/Berlin');
  // In Berlin (UTC+1) 22:59 UTC still is the day, 23:00 UTC is the next one.
  const lastMinute = Date.UTC(2026, 10, 21, 22, 59);
  const sold = (id: string, charged: string, endedAtMs: number, model = 'a') =>
    ledger.jobCharged(soldJob({ id, charged, cumulative: charged, endedAtMs, model }));
  sold('saturday', '1', lastMinute);
  sold('sunday', '20', lastMinute + 60_000);
  sold('monday', '300', NOON, 'b');
  ledger.networkFee({ txHash: '0x1', assetId: COIN, amount: amount(9) });
  assert.deepEqual(ledger.earningsByDay(TOKEN, COIN, 4), [
    { day: '2026-11-20', earned: 0n, resold: 0n, jobs: 0, feesCoin: 0n },
    { day: '2026-11-21', earned: 1n, resold: 0n, jobs: 1, feesCoin: 0n },
    { day: '2026-11-22', earned: 20n, resold: 0n, jobs: 1, feesCoin: 0n },
    { day: '2026-11-23', earned: 300n, resold: 0n, jobs: 1, feesCoin: 9n },
  ]);
  assert.equal(ledger.earned(TOKEN, 'today'), 300n);
  assert.equal(ledger.earned(TOKEN, 'week'), 300n);
  assert.equal(ledger.earned(TOKEN, 'total'), 321n);
  assert.deepEqual(ledger.earningsByModel(TOKEN, 30), [
    { model: 'b', earned: 300n, jobs: 1 },
    { model: 'a', earned: 21n, jobs: 2 },
  ]);
  assert.deepEqual(ledger.earningsByModel(TOKEN, 1), [{ model: 'b', earned: 300n, jobs: 1 }]);
  clock.advance(24 * HOUR_MS);
  assert.equal(ledger.earned(TOKEN, 'today'), 0n);
  assert.equal(ledger.earned(TOKEN, 'week'), 300n);
  ledger.reverse('job:monday:charged', 'a mistake');
  assert.equal(ledger.earned(TOKEN, 'total'), 21n);
});

test('a transfer out of the wallet and a deposit found on-chain are recorded by name', () => {
  const { ledger } = setUp();
  ledger.faucet({ reference: '0xf', assetId: TOKEN, amount: amount(100) });
  const sent = { txHash: '0xs', assetId: TOKEN, amount: amount(30) };
  assert.deepEqual([ledger.sent(sent), ledger.sent(sent)], ['posted', 'repeated']);
  assert.equal(ledger.sent({ ...sent, txHash: '0xzero', amount: amount(0) }), 'nothing');
  const found = { channelId: '0xch', assetId: TOKEN, total: amount(50), amount: amount(50) };
  assert.equal(ledger.depositFound(found), 'posted');
  assert.equal(ledger.balance('equity:sent', TOKEN), 30n);
  assert.equal(ledger.sumForChannel('channels:deposited', '0xch'), 50n);
  assert.equal(ledger.balance('wallet', TOKEN), 20n);
  ledger.verifyBalanced();
});

test('a payout is pending from the charge until the money is in the wallet', () => {
  const { ledger } = setUp();
  ledger.jobCharged(soldJob({ id: 'j1', charged: '700', cumulative: '700' }));
  assert.equal(ledger.pendingPayout(TOKEN), 700n);
  const channels = [{ channelId: '0xch', amount: amount(700) }];
  ledger.channelsClaimed({ txHash: '0xc1', assetId: TOKEN, channels });
  assert.equal(ledger.pendingPayout(TOKEN), 700n, 'claimed and not paid out');
  ledger.paidOut({ txHash: '0xp1', assetId: TOKEN, amount: amount(700) });
  assert.equal(ledger.pendingPayout(TOKEN), 0n);
});

test('practice money and real money are never added up', () => {
  const { ledger } = setUp();
  ledger.jobCharged(soldJob({ id: 'practice', charged: '5', cumulative: '5' }));
  ledger.jobCharged(soldJob({ id: 'real', charged: '7', cumulative: '7', assetId: 'eip155:8453/0x02' }));
  assert.equal(ledger.earned(TOKEN, 'total'), 5n);
  assert.equal(ledger.earned('eip155:8453/0x02', 'total'), 7n);
  assert.deepEqual(
    ledger.earningsByDay('eip155:8453/0x02', COIN, 1).map(({ earned }) => earned),
    [7n],
  );
});

test('a step of relayed bytes is income of the relay or an expense of the machine, once, and counts for its channel', () => {
  const { ledger, database } = setUp();
  const charge = { peer: 'peer', assetId: TOKEN, amount: amount(20), cumulative: amount(20) };
  for (const [side, channelId] of [
    ['sold', 'channel-1'],
    ['bought', 'channel-2'],
  ] as const) {
    assert.equal(ledger.relayingCharged({ side, channelId, ...charge }), 'posted');
    assert.equal(ledger.relayingCharged({ side, channelId, ...charge }), 'repeated');
    assert.equal(ledger.bookedOnChannel(side, channelId), 20n);
    // A crash kept one step from the ledger.
    const recovered = { side, channelId, assetId: TOKEN, total: amount(40), purpose: 'relaying' as const };
    assert.equal(ledger.recoverCharges(recovered), 'posted');
    assert.equal(ledger.recoverCharges(recovered), 'nothing');
  }
  assert.equal(ledger.balance('income:relaying', TOKEN), 40n);
  assert.equal(ledger.balance('expense:relaying', TOKEN), 40n);
  assert.equal(ledger.balance('income:jobs', TOKEN), 0n);
  assert.equal(ledger.balance('expense:inference', TOKEN), 0n);
  assert.equal(ledger.pendingPayout(TOKEN), 40n);
  assert.equal(ledger.received(TOKEN), 0n);
  ledger.verifyBalanced();
  database.close();
});
