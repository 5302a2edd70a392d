/**
 * Verifies: a revoked key opens nothing, and what its customer hasn't used can still be paid out and is listed.
 * Setup: keys on a real ledger and records in memory; a restart opens the keys again on the same records.
 * Fails if: the balance of a revoked key gets lost, now or after a restart; a revoked key works; or a key without a balance
 *   stays listed once it is revoked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createCustomerKeys, listCustomers } from '../../../main/core/storefront/index.ts';
import { keyCustomerId, payerCustomerId } from '../../../shared/customers.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { soldJob } from '../jobs/job-samples.ts';

const ASSET = 'eip155:31337/0x01';

function setUp() {
  const clock = manualClock(1_000);
  const { records, jobs: jobRecords, ledger: store, close } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records: jobRecords, store: records, ledger, clock });
  const open = () =>
    createCustomerKeys({ records, clock, ledger, assetId: ASSET, log: createRecordingLog() });
  const payBack = (id: string, value: bigint) =>
    ledger.customerPaidBack({
      ...{ reference: id, customerId: keyCustomerId(id), assetId: ASSET, amount: amount(value) },
    });
  return { records, ledger, jobs, open, payBack, close };
}

test('a revoked key with a balance can be paid out and is listed, also after a restart', () => {
  const { open, payBack, records, close } = setUp();
  const keys = open();
  const { customer, secret } = keys.add('Ada');
  const unused = keys.add('Bob').customer;
  keys.credit(customer.id, amount(5n));
  for (const { id } of [customer, unused]) keys.revoke(id);
  for (const each of [keys, open()]) {
    assert.equal(each.find(secret), null);
    assert.equal(each.account(customer.id), keyCustomerId(customer.id));
    assert.equal(each.nameOf(keyCustomerId(customer.id)), 'Ada');
    assert.deepEqual(
      each.list().map(({ name, isRevoked, balance }) => [name, isRevoked, balance]),
      [['Ada', true, '5']],
    );
    assert.throws(() => each.revoke(customer.id), { code: 'not-found' });
    assert.throws(() => each.credit(customer.id, amount(1n)), { code: 'not-found' });
  }
  payBack(customer.id, 5n);
  assert.deepEqual(open().list(), []);
  assert.deepEqual(records.list('storefront-customer'), [], 'nothing of them stays');
  assert.throws(() => open().account(customer.id), { code: 'not-found' });
  close();
});

test('a revoked key whose payout isn’t sent before a restart keeps its name', () => {
  const { open, ledger, records, close } = setUp();
  const keys = open();
  const { id } = keys.add('Ada').customer;
  const customerId = keyCustomerId(id);
  keys.credit(id, amount(5n));
  keys.revoke(id);
  const order = { reference: 'order', customerId, assetId: ASSET, amount: amount(5n) };
  ledger.customerPayoutOrdered(order);
  const again = open();
  assert.deepEqual(again.list(), []);
  ledger.customerPayoutReturned('order', 'Nothing was sent.');
  const listed = again.list().map(({ name, balance }) => [name, balance]);
  assert.deepEqual([again.nameOf(customerId), listed], ['Ada', [['Ada', '5']]]);
  ledger.customerPayoutOrdered({ ...order, reference: 'another' });
  ledger.customerPaidOut({ ...order, reference: 'another', txHash: '0x1' });
  assert.deepEqual(open().list(), []);
  assert.deepEqual(records.list('storefront-customer'), [], 'nothing stays once it is paid');
  close();
});

test('lists keys and payers with a balance, the largest first, with their last requests', () => {
  const { open, ledger, jobs, close } = setUp();
  const keys = open();
  const { customer } = keys.add('Ada');
  keys.add('Bob');
  keys.credit(customer.id, amount(50n));
  const payers = ['11', '22', '33'].map((pair) => `0x${pair.repeat(20)}`);
  for (const [index, address] of payers.entries()) {
    ledger.customerPaid({
      ...{ reference: address, customerId: payerCustomerId(address), assetId: ASSET, txHash: '0x1' },
      amount: amount([9n, 100n, 20n][index] ?? 0n),
    });
  }
  // A key of an older version, whose record went when it was revoked.
  const forgotten = keyCustomerId('00000000000000ff');
  ledger.customerPaid({
    ...{ reference: 'old', customerId: forgotten, assetId: ASSET, amount: amount(3n), txHash: null },
  });
  for (const atMs of [2_000, 3_000]) {
    const channelId = keyCustomerId(customer.id);
    jobs.insert(soldJob({ id: `${atMs}`, channelId, assetId: ASSET, createdAtMs: atMs }));
  }
  const listed = listCustomers({ keys, ledger, jobs });
  assert.deepEqual(
    listed.customers.map(({ name, balance, isRevoked, lastRequestAtMs }) => [
      ...[name, balance, isRevoked, lastRequestAtMs],
    ]),
    [
      ['Ada', '50', false, 3_000],
      ['Bob', '0', false, null],
      ['', '3', true, null],
    ],
  );
  assert.deepEqual(
    listed.payers.map(({ address, balance }) => [address, balance]),
    [
      [payers[1], '100'],
      [payers[2], '20'],
      [payers[0], '9'],
    ],
  );
  assert.equal(keys.account('00000000000000ff'), forgotten);
  close();
});
