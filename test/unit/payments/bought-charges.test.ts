/**
 * Verifies: the total that a provider reports for a channel is recorded up to the last unit, and a lower total later
 * takes nothing back; a charge that is learned after a restart is the one of the channel's last job.
 * Setup: the real ledger and the real jobs in memory with one funded channel.
 * Fails if: a charge of a lost response is missing, a charge is recorded twice or for a job that cost nothing, a provider
 * that lost its records ends this process with an error.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs, recordJob } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createBoughtCharges } from '../../../main/core/payments/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const ASSET = 'eip155:31337/0x01';

function setUp(isOfRelay?: (channelId: string) => boolean) {
  const { ledger: store, jobs: records, records: marks } = openDatabase(':memory:');
  const clock = manualClock(1_000_000);
  const ledger = createLedger({ store, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records, store: marks, ledger, clock });
  ledger.faucet({ reference: 'start', assetId: ASSET, amount: amount(1_000) });
  ledger.deposited({ txHash: '0xd', channelId: '0xch', assetId: ASSET, amount: amount(500) });
  let changes = 0;
  const charges = createBoughtCharges({
    ...{ ledger, jobs, clock, assetId: ASSET },
    ...(isOfRelay && { isOfRelay }),
    changed: () => (changes += 1),
  });
  return {
    /** Records a job that ended without a charge. */
    interrupt(channelId: string, state: 'failed' | 'refused' = 'failed'): string {
      clock.advance(1);
      const known = {
        side: 'bought',
        model: 'm',
        peer: 'p',
        payer: null,
        channelId,
        assetId: ASSET,
      } as const;
      const record = recordJob({ clock, jobs }, { ...known, continues: null, apiKey: null });
      record.step(state, { endedAtMs: clock.now() });
      return record.job().id;
    },
    chargedOf: (id: string) => jobs.show(id).job.charged,
    learn: (total: number, isLatest = false) => charges.learn('0xch', amount(total), isLatest),
    record: (total: number) => charges.record('0xch', amount(total)),
    spent: () => ledger.balance('expense:inference', ASSET),
    spentOnRelays: () => ledger.balance('expense:relaying', ASSET),
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

test('a charge of a relay that is learned later is an expense for relays', () => {
  const { record, learn, spent, spentOnRelays } = setUp((channelId) => channelId === '0xch');
  record(20);
  assert.equal(learn(60), 40n);
  assert.deepEqual([spent(), spentOnRelays()], [0n, 60n]);
});

test('a charge that is learned later is the one of the channel’s last job, and no other’s', () => {
  const { interrupt, learn, chargedOf, spent } = setUp();
  const free = interrupt('0xch');
  const charged = interrupt('0xch');
  const refused = interrupt('0xch', 'refused');
  const elsewhere = interrupt('0xother');
  assert.equal(learn(100), 100n);
  assert.deepEqual([free, charged, refused, elsewhere].map(chargedOf), [null, '100', null, null]);
  assert.equal(spent(), 100n);
});

test('the next charge of the channel is the one of its next job', () => {
  const { interrupt, learn, chargedOf, spent } = setUp();
  const first = interrupt('0xch');
  learn(100);
  const second = interrupt('0xch');
  assert.deepEqual([learn(100), learn(130)], [0n, 30n]);
  assert.deepEqual([first, second].map(chargedOf), ['100', '30']);
  assert.equal(spent(), 130n);
});

test('a proven total without a further charge makes the channel’s last job free; an older total tells nothing', () => {
  const { interrupt, learn, chargedOf, spent } = setUp();
  const charged = interrupt('0xch');
  learn(100, true);
  const free = interrupt('0xch');
  assert.equal(learn(100), 0n);
  assert.equal(chargedOf(free), null);
  assert.equal(learn(100, true), 0n);
  assert.deepEqual([charged, free].map(chargedOf), ['100', '0']);
  const next = interrupt('0xch');
  assert.equal(learn(130, true), 30n);
  assert.deepEqual([free, next].map(chargedOf), ['0', '30']);
  assert.equal(spent(), 130n);
});

test('a charge of no known job is recorded without one', () => {
  const { learn, spent } = setUp();
  assert.equal(learn(100), 100n);
  assert.equal(spent(), 100n);
});
