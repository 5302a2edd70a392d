/**
 * Verifies: no order of a payout is made that can't be quoted, an order that was never sent is the balance again without the
 *   chain, and one faulty order keeps no other from being settled.
 * Setup: the payouts on a real ledger in memory, with a wallet whose quotes and standings the test decides.
 * Fails if: a customer's balance stays taken while the chain is unreachable, behind another's fault, or is taken twice; the
 *   confirmation doesn't name the customer; or the log doesn't name what was settled.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createCustomerAccounts, createCustomerPayouts } from '../../../main/core/storefront/index.ts';
import type { CustomerPayments } from '../../../main/core/wallet/index.ts';
import { keyCustomerId } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const ASSET = 'eip155:31337/0xtoken';
const ADA = keyCustomerId('00000000000000aa');
const BOB = keyCustomerId('00000000000000bb');
const TO = `0x${'44'.repeat(20)}`;
const ORDERS = 'storefront-payout';
const away = () => Promise.reject(new AppError('chain-unavailable', 'The chain is unreachable.'));

type Quote = CustomerPayments['quoteCustomer'];
type Pay = Awaited<ReturnType<Quote>>['pay'];

/** Two customers with a balance of 100 each. */
function setUp(wallet: Partial<CustomerPayments> & { readonly pay?: Pay } = {}) {
  const database = openDatabase(':memory:');
  const clock = manualClock(1_700_000_000_000);
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const accounts = createCustomerAccounts({
    ...{ ledger, assetId: ASSET, concurrentMax: 10, endLeft: () => undefined },
  });
  for (const customerId of [ADA, BOB]) {
    accounts.arrived({ customerId, reference: customerId, amount: amount(100n), txHash: '0x1' });
  }
  const log = createRecordingLog();
  const { pay = away, ...rest } = wallet;
  const payouts = createCustomerPayouts({
    ...{ accounts, ledger, records: database.records, assetId: ASSET, log },
    withChecksum: (address) => address,
    nameOf: (id) => (id === ADA ? 'Ada' : null),
    wallet: {
      quoteCustomer: async () => ({ pay }),
      payoutStanding: async () => 'unpaid',
      check: async () => undefined,
      ...rest,
    },
  });
  /** An order of an earlier run, with or without its entry. */
  const leaveOrder = (reference: string, customerId: string) => {
    database.records.set(ORDERS, reference, JSON.stringify({ customerId, assetId: ASSET }));
    ledger.customerPayoutOrdered({ reference, customerId, assetId: ASSET, amount: amount(100n) });
  };
  const orders = () => database.records.list(ORDERS).map(({ key }) => key);
  const entries = () => ledger.entries({ limit: 100 }).length;
  return { accounts, payouts, leaveOrder, orders, entries, log, close: () => database.close() };
}

test('takes nothing from the balance if the payout can’t be quoted', async () => {
  const { accounts, payouts, orders, entries, close } = setUp({ quoteCustomer: away });
  const before = entries();
  await assert.rejects(payouts.payOut(ADA, TO), { code: 'chain-unavailable' });
  assert.deepEqual([accounts.available(ADA), orders(), entries()], [100n, [], before]);
  close();
});

test('is the balance again while the chain is unreachable, if it was never sent', async () => {
  const { accounts, payouts, orders, close } = setUp({ check: away });
  await assert.rejects(payouts.payOut(ADA, TO), { code: 'chain-unavailable' });
  assert.deepEqual([accounts.available(ADA), orders()], [100n, []]);
  close();
});

test('stays ordered while the chain is unreachable, if its transaction may be mined', async () => {
  const { accounts, payouts, orders, leaveOrder, close } = setUp({
    check: away,
    payoutStanding: async () => 'open',
  });
  leaveOrder('ordered', ADA);
  await assert.rejects(payouts.settle(), { code: 'chain-unavailable' });
  assert.deepEqual([accounts.available(ADA), orders()], [0n, ['ordered']]);
  close();
});

test('settles the other orders if one is faulty, then fails, and names in the log what it settled', async () => {
  const { accounts, payouts, orders, leaveOrder, log, close } = setUp({
    payoutStanding: async (reference) =>
      reference === 'a-faulty' ? assert.fail('a damaged transaction') : 'unpaid',
  });
  leaveOrder('a-faulty', ADA);
  leaveOrder('b-good', BOB);
  await assert.rejects(payouts.settle(), /a damaged transaction/);
  assert.deepEqual([accounts.available(BOB), accounts.available(ADA), orders()], [100n, 0n, ['a-faulty']]);
  const settled = log.lines.filter(({ message }) => /balance again/.test(message));
  assert.deepEqual(
    settled.map(({ level, fields }) => [level, fields]),
    [['info', { reference: 'b-good' }]],
  );
  close();
});

test('reports a payout that can’t be settled yet, and fails with the payout’s own failure', async () => {
  const declined = new AppError('not-permitted', 'Declined.');
  const { payouts, orders, log, close } = setUp({
    pay: () => Promise.reject(declined),
    payoutStanding: away,
  });
  await assert.rejects(payouts.payOut(ADA, TO), declined);
  const [reference] = orders();
  const [line] = log.lines.filter(({ level }) => level === 'error');
  assert.match(line?.message ?? '', /could not be settled yet/);
  assert.deepEqual(line?.fields, { reference });
  close();
});

test('names the customer to the wallet, and orders nothing that was used while the chain was asked', async () => {
  const named: unknown[] = [];
  const asked: (() => void)[] = [];
  const { accounts, payouts, orders, close } = setUp({
    quoteCustomer: async () => {
      for (const use of asked.splice(0)) use();
      return {
        pay(payout) {
          named.push([payout.customerId, payout.name]);
          return away();
        },
      };
    },
  });
  await assert.rejects(payouts.payOut(ADA, TO));
  await assert.rejects(payouts.payOut(BOB, TO));
  assert.deepEqual(named, [
    [ADA, 'Ada'],
    [BOB, null],
  ]);
  asked.push(() => void accounts.hold(ADA, amount(1n)));
  await assert.rejects(payouts.payOut(ADA, TO), { code: 'bad-request' });
  assert.deepEqual([named.length, accounts.available(ADA), orders()], [2, 99n, []]);
  close();
});

test('records what was paid back elsewhere up to the balance, and no more', () => {
  const { accounts, payouts, close } = setUp();
  for (const wrong of [0n, 101n]) {
    assert.throws(() => payouts.paidBack(ADA, amount(wrong)), { code: 'bad-request' });
  }
  accounts.hold(ADA, amount(60n));
  assert.throws(() => payouts.paidBack(ADA, amount(100n)), { code: 'bad-request' });
  payouts.paidBack(ADA, amount(40n));
  assert.equal(accounts.available(ADA), 0n);
  close();
});
