/**
 * Verifies: customers never use more than they paid, in any order of payments, holds, charges and releases; the ledger and
 *   what is available agree.
 * Setup: a real ledger in memory, whose jobs are recorded with any delay.
 * Fails if: concurrent requests of one customer use a balance twice, or a charge counts twice once it is recorded.
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
  const accounts = createCustomerAccounts({ ledger, assetId: ASSET, concurrentMax });
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
  fc.record({ kind: fc.constant('hold' as const), value: fc.bigInt(0n, 1_500n) }),
  fc.record({ kind: fc.constant('charge' as const), value: fc.bigInt(0n, 1_500n) }),
  fc.record({ kind: fc.constant('release' as const) }),
  fc.record({ kind: fc.constant('book' as const) }),
);

test('never lets a customer use more than it paid, in any order of events', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { accounts, ledger, pay, book, close } = open();
      const holds: (CustomerHold & { readonly most: bigint })[] = [];
      const unbooked: (() => void)[] = [];
      let paid = 0n;
      let used = 0n;
      for (const each of steps) {
        if (each.kind === 'pay') {
          pay(each.value);
          paid += each.value;
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
