/**
 * Verifies: the total that a provider reports for a channel is recorded up to the last unit, and a lower total later
 * takes nothing back.
 * Setup: the real ledger in memory with one funded channel.
 * Fails if: a charge of a lost response is missing, a charge is recorded twice, a provider that lost its records
 * ends this process with an error.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createBoughtCharges } from '../../../main/core/payments/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const ASSET = 'eip155:31337/0x01';

function setUp() {
  const { ledger: store } = openDatabase(':memory:');
  const ledger = createLedger({ store, clock: manualClock(1_000_000), calendar: createCalendar('UTC') });
  ledger.faucet({ reference: 'start', assetId: ASSET, amount: amount(1_000) });
  ledger.deposited({ txHash: '0xd', channelId: '0xch', assetId: ASSET, amount: amount(500) });
  let changes = 0;
  const charges = createBoughtCharges({ ledger, assetId: ASSET, changed: () => (changes += 1) });
  return {
    record: (total: number) => charges.record('0xch', amount(total)),
    spent: () => ledger.balance('expense:inference', ASSET),
    changes: () => changes,
  };
}

test('records only what a channel total adds to the ledger', () => {
  const { record, spent } = setUp();
  assert.deepEqual([record(100), record(100), record(250)], [100n, 0n, 150n]);
  assert.equal(spent(), 250n);
});

test('a total below what is recorded changes nothing', () => {
  const { record, spent, changes } = setUp();
  record(100);
  assert.equal(record(99), 0n);
  assert.equal(spent(), 100n);
  assert.equal(changes(), 1);
});
