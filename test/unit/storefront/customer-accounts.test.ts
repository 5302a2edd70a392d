/**
 * Verifies: customers never use more than they paid, in any order of payments, holds, charges and releases; the ledger and
 *   what is available agree.
 * Setup: a real ledger in memory, whose jobs are recorded with any delay.
 * Fails if: concurrent requests of one customer use a balance twice, a charge counts twice once it is recorded, or a payment
 *   that arrives late doesn't pay for its answer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createCustomerAccounts } from '../../../main/core/storefront/index.ts';
import type { CustomerHold } from '../../../main/ports/customers.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from '../jobs/job-samples.ts';

const ASSET = 'eip155:31337/0xtoken';
const ID = 'key:0011223344556677';

function open(concurrentMax = 100) {
  const database = openDatabase(':memory:');
  const ledger = createLedger({
    store: database.ledger,
    clock: manualClock(1_700_000_000_000),
    calendar: createCalendar('UTC'),
  });
  const accounts = createCustomerAccounts({
    ledger,
    endLeft: () => undefined,
    assetId: ASSET,
    concurrentMax,
  });
  let payments = 0;
  let jobs = 0;
  return {
    ledger,
    accounts,
    pay: (value: bigint) =>
      accounts.arrived({
        customerId: ID,
        reference: `${ID}:${payments++}`,
        amount: amount(value),
        txHash: `0x${payments}`,
      }),
    payLate: (value: bigint, used: bigint) => {
      const payment = {
        ...{ customerId: ID, reference: `${ID}:${payments++}` },
        ...{ amount: amount(value), txHash: `0x${payments}` },
      };
      accounts.paidLate(payment, amount(used));
      // A look after a crash finds it again.
      accounts.paidLate(payment, amount(used));
    },
    book: (charged: bigint, cumulative: bigint) =>
      ledger.jobCharged(
        soldJob({
          id: `job-${jobs++}`,
          ...{ side: 'sold', state: 'charged', channelId: ID, assetId: ASSET, endedAtMs: 1 },
          ...{ charged: charged.toString(), cumulative: cumulative.toString() },
        }),
      ),
    close: () => database.close(),
  };
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('pay' as const), value: fc.bigInt(1n, 1_000n) }),
  fc.record({ kind: fc.constant('late' as const), value: fc.bigInt(1n, 1_000n) }),
  fc.record({ kind: fc.constant('hold' as const), value: fc.bigInt(0n, 1_500n) }),
  fc.record({ kind: fc.constant('charge' as const), value: fc.bigInt(0n, 1_500n) }),
  fc.record({ kind: fc.constant('release' as const) }),
  fc.record({ kind: fc.constant('book' as const) }),
);

test('never lets a customer use more than it paid, in any order of events', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { accounts, ledger, pay, payLate, book, close } = open();
      const holds: (CustomerHold & { readonly most: bigint })[] = [];
      const unbooked: (() => void)[] = [];
      let paid = 0n;
      let used = 0n;
      for (const each of steps) {
        if (each.kind === 'pay') {
          pay(each.value);
          paid += each.value;
        } else if (each.kind === 'late') {
          payLate(each.value, each.value / 2n);
          paid += each.value;
          used += each.value / 2n;
        } else if (each.kind === 'hold') {
          const before = accounts.available(ID);
          const hold = accounts.hold(ID, amount(each.value));
          assert.equal(hold !== null, before > 0n && before >= each.value);
          if (hold !== null) holds.push({ ...hold, most: each.value });
        } else if (each.kind === 'charge') {
          const done = holds.shift()?.charge(amount(each.value));
          if (done === undefined) continue;
          used += done.charged;
          assert.equal(done.cumulative, used);
          unbooked.push(() => book(done.charged, done.cumulative));
        } else if (each.kind === 'release') holds.shift()?.release();
        else unbooked.shift()?.();
        const held = holds.reduce((sum, { most }) => sum + most, 0n);
        assert.ok(used + held <= paid, 'what is used or held was paid');
      }
      for (const hold of holds) hold.release();
      for (const later of unbooked) later();
      assert.equal(accounts.available(ID), paid - used);
      assert.equal(ledger.customerBalance(ID), paid - used);
      close();
    }),
    { numRuns: 60 },
  );
});

test('takes what its answer cost from a payment that arrives late, and leaves the rest', () => {
  const { accounts, ledger, close } = open();
  const payment = { customerId: ID, reference: 'late', amount: amount(100n), txHash: '0x1' };
  accounts.paidLate(payment, amount(30n));
  assert.deepEqual([accounts.available(ID), ledger.bookedOnChannel('sold', ID)], [70n, 30n]);
  assert.deepEqual([ledger.balance('income:jobs', ASSET), ledger.balance('wallet', ASSET)], [30n, 100n]);
  accounts.paidLate({ ...payment, reference: 'all', amount: amount(30n) }, amount(30n));
  assert.equal(accounts.available(ID), 70n);
  // A stop between the entry of a payment in time and the end of its record: its job has the charge.
  accounts.arrived({ ...payment, reference: 'seen' });
  accounts.paidLate({ ...payment, reference: 'seen' }, amount(30n));
  assert.equal(accounts.available(ID), 170n);
  close();
});

test('counts a payment once, and limits the requests of a customer', () => {
  const { accounts, close } = open(2);
  const payment = { customerId: ID, reference: 'one', amount: amount(100n), txHash: '0x1' };
  accounts.arrived(payment);
  accounts.arrived(payment);
  assert.equal(accounts.available(ID), 100n);
  const first = accounts.hold(ID, amount(10n));
  accounts.hold(ID, amount(10n));
  assert.throws(() => accounts.hold(ID, amount(10n)), { code: 'busy' });
  first?.release();
  assert.ok(accounts.hold(ID, amount(10n)));
  assert.throws(() => first?.release(), /once/);
  close();
});
