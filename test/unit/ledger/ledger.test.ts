/**
 * Goal: no cent is lost, invented, booked twice or changed afterwards.
 * Method: the ledger on a real SQLite database in memory; properties over random sequences of events.
 * Would break: a line without its opposite, a missing idempotency check, an UPDATE that gets through.
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
  return { clock, database, ledger };
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

const ELASTIC = ACCOUNT_NAMES.filter((name) => ACCOUNTS[name].mayBeNegative !== null);
const accountPair = fc
  .tuple(fc.constantFrom(...ELASTIC), fc.constantFrom(...ACCOUNT_NAMES))
  .filter(([from, to]) => from !== to);
const posting = fc
  .tuple(fc.nat(30), accountPair, fc.bigInt(1n, 2n ** 128n), fc.constantFrom(TOKEN, COIN))
  .map(([key, [from, to], value, assetId]) => transfer(`key-${key}`, from, to, value, assetId));

test('any sequence of postings balances, and repeating it changes nothing', () => {
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

test('postings and their reversals net to zero on every account', () => {
  fc.assert(
    fc.property(fc.uniqueArray(posting, { selector: ({ key }) => key, maxLength: 15 }), (postings) => {
      const { ledger, database } = setUp();
      ledger.postAll(postings);
      // The newest first: what is taken back must still be there.
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

test('a reversal itself is not reversed, and an unknown key is not found', () => {
  const { ledger } = setUp();
  ledger.post(transfer('a', 'equity:opening', 'wallet', 5n));
  ledger.reverse('a', 'a mistake');
  assert.throws(() => ledger.reverse('reversal:a', 'again'), /a reversal is not reversed/);
  assert.throws(
    () => ledger.reverse('b', 'again'),
    (error) => isAppError(error, 'not-found'),
  );
});

test('what does not balance, has a zero line or an unknown account is refused whole', () => {
  const { ledger } = setUp();
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
  for (const request of bad) assert.throws(() => ledger.post(request), /assertion failed/);
  assert.throws(() => ledger.postAll([good, ...bad]), /assertion failed/);
  assert.deepEqual(ledger.trialBalance(), []);
});

test('the same key with other content is refused loudly; other time and words are the same event', () => {
  const { ledger } = setUp();
  const original = transfer('a', 'equity:opening', 'wallet', 5n);
  ledger.post(original);
  assert.equal(ledger.post({ ...original, atMs: NOON + 1, description: 'told again' }), 'repeated');
  assert.throws(
    () => ledger.post(transfer('a', 'equity:opening', 'wallet', 6n)),
    /booked before with other content/,
  );
  assert.throws(() => ledger.post({ ...original, txHash: '0x01' }), /booked before with other content/);
  assert.equal(ledger.balance('wallet', TOKEN), 5n);
});

test('a job goes from charge to wallet, and income stays what it was', () => {
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
  assert.equal(ledger.received(TOKEN), 700n, 'gifts are not received for work');
  assert.equal(ledger.balance('wallet', COIN), -21n);
  assert.equal(ledger.balance('fees:network', COIN), 21n);
  assert.equal(ledger.earned(TOKEN, 'total'), 700n);
  ledger.verifyBalanced();
});

test('a buyer pays from the faucet through a channel, and gets the rest back', () => {
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

test('no sequence of postings takes more out of an account than it holds, where that never happens', () => {
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
          if (ACCOUNTS[from].mayBeNegative === null && (next.get(from) ?? 0n) < 0n) allowed = false;
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
        assert.equal(value, held.get(account) ?? 0n, 'a refused batch left nothing');
      }
      assert.deepEqual(ledger.problems(), []);
      database.close();
    }),
    { numRuns: 60 },
  );
});

test('events without money book nothing', () => {
  const { ledger } = setUp();
  assert.equal(ledger.jobCharged(soldJob({ charged: null })), 'nothing');
  assert.equal(ledger.jobCharged(soldJob({ charged: '5', cumulative: null })), 'nothing', 'only intended');
  assert.equal(ledger.jobCharged(soldJob({ charged: '0', cumulative: '0' })), 'nothing');
  assert.equal(ledger.channelsClaimed({ txHash: '0x1', assetId: TOKEN, channels: [] }), 'nothing');
  assert.equal(ledger.paidOut({ txHash: '0x1', assetId: TOKEN, amount: amount(0) }), 'nothing');
  assert.deepEqual(ledger.entries({ limit: 10 }), []);
});

test('a charge that a crash kept from the books is recovered once, and only what is missing', () => {
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

test('income is summed by local day, week and model; days without income are there', () => {
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
    { day: '2026-11-20', earned: 0n, jobs: 0, feesCoin: 0n },
    { day: '2026-11-21', earned: 1n, jobs: 1, feesCoin: 0n },
    { day: '2026-11-22', earned: 20n, jobs: 1, feesCoin: 0n },
    { day: '2026-11-23', earned: 300n, jobs: 1, feesCoin: 9n },
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

test('practice money and real money never meet', () => {
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
