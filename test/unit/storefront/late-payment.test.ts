/**
 * Verifies: an answer whose payment was on its way when the disk was full is charged once, whichever is found first: the
 *   payment or the job that was left.
 * Setup: real jobs, ledger and records in memory. The payment's record is there until it was recorded, as in the settlement.
 * Fails if: the job is charged to the payer's balance although its own payment has paid for it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { isPaymentPending } from '../../../main/adapters/x402/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createCustomerAccounts } from '../../../main/core/storefront/index.ts';
import { payerCustomerId } from '../../../shared/customers.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from '../jobs/job-samples.ts';

const ASSET = 'eip155:31337/0x01';
const PAYER = `0x${'11'.repeat(20)}`;
const CUSTOMER = payerCustomerId(PAYER);
const PENDING = 'x402-upto-pending';

/** A customer with a balance of 100, and a job of 30 whose payment was sent and whose end the disk didn't take. */
function setUp() {
  const clock = manualClock(1_000_000);
  const { records, jobs: jobRecords, ledger: store, close } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({
    ...{ records: jobRecords, store: records, ledger, clock },
    isPaymentPending: (job) => isPaymentPending(records, ledger.hasPayment, job),
  });
  const accounts = createCustomerAccounts({
    ...{ ledger, assetId: ASSET, concurrentMax: 10, endLeft: jobs.recoverLeftOf },
  });
  const arrived = { customerId: CUSTOMER, amount: amount(100n), txHash: '0x1' };
  accounts.arrived({ ...arrived, reference: 'earlier' });
  for (const id of ['left', 'running']) {
    jobs.insert(soldJob({ id, channelId: CUSTOMER, assetId: ASSET }));
    jobs.update(id, { state: 'running' });
  }
  jobs.update('left', { state: 'delivered', charged: '30' });
  const pending = {
    hash: '0x2',
    from: PAYER,
    to: '0x3',
    value: '50',
    deadline: '9',
    used: '30',
    job: 'left',
  };
  records.set(PENDING, 'late', JSON.stringify(pending));
  jobs.leave('left');
  const findLate = () => {
    accounts.paidLate({ ...arrived, reference: 'late', amount: amount(50n) }, amount(30n));
    records.delete(PENDING, 'late');
  };
  return { jobs, ledger, accounts, findLate, close };
}

for (const isPaymentFirst of [true, false]) {
  test(`charges the answer once if ${isPaymentFirst ? 'the payment' : 'the job'} is found first`, () => {
    const { jobs, ledger, accounts, findLate, close } = setUp();
    if (isPaymentFirst) findLate();
    jobs.recoverLeft();
    if (!isPaymentFirst) findLate();
    assert.equal(ledger.bookedOnChannel('sold', CUSTOMER), 30n);
    assert.deepEqual([ledger.customerBalance(CUSTOMER), accounts.available(CUSTOMER)], [120n, 120n]);
    assert.equal(jobs.show('left').job.state, 'failed');
    assert.equal(jobs.show('running').job.state, 'running', 'only what was left is ended');
    close();
  });
}

test('leaves jobs of other customers to their own payments', () => {
  const { jobs, ledger, findLate, close } = setUp();
  const other = payerCustomerId(`0x${'22'.repeat(20)}`);
  const paid = { reference: 'other', amount: amount(100n), txHash: '0x4', assetId: ASSET };
  ledger.customerPaid({ ...paid, customerId: other });
  jobs.insert(soldJob({ id: 'other', channelId: other, assetId: ASSET }));
  jobs.update('other', { state: 'running' });
  jobs.update('other', { state: 'delivered', charged: '7' });
  jobs.leave('other');
  findLate();
  assert.equal(jobs.show('other').job.state, 'delivered');
  jobs.recoverLeft();
  assert.equal(jobs.show('other').job.state, 'charged');
  close();
});
