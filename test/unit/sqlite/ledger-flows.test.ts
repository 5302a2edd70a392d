/**
 * Verifies: sums of flows are exact for amounts of any width, and a full check holds few of them in memory.
 * Setup: databases in memory with drawn entries.
 * Fails if: a sum is rounded or overflows, or the memory of a check grows with the ledger.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { FlowComparison } from '../../../main/adapters/sqlite/flow-comparison.ts';
import { openHandles } from '../../../main/adapters/sqlite/handles.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { flowKey } from '../../../main/adapters/sqlite/ledger-sums.ts';
import { type Posting, QUARTER_MS } from '../../../main/ports/ledger.ts';
import { amount } from '../../../shared/money.ts';

const TOKEN = 'eip155:31337/0x01';

function income(index: number, atMs: number, value: bigint): Posting {
  return {
    key: `entry ${index}`,
    atMs,
    kind: 'job-charged',
    description: '',
    jobId: null,
    model: `model ${index % 2}`,
    peer: null,
    txHash: null,
    reverses: null,
    lines: [
      { account: 'channels:owed', assetId: TOKEN, amount: amount(value), channelId: null },
      { account: 'income:jobs', assetId: TOKEN, amount: amount(-value), channelId: null },
    ],
  };
}

const wide = fc.oneof(
  fc.bigInt({ min: -(10n ** 6n), max: 10n ** 6n }),
  // Around the widest that is summed in the database, and around 2^63.
  fc.bigInt({ min: 10n ** 16n, max: 10n ** 19n }),
  fc.bigInt({ min: -(10n ** 19n), max: -(10n ** 16n) }),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
);

test('sums of any width are exact, in all and by name', () => {
  fc.assert(
    fc.property(
      fc.array(
        wide.filter((value) => value !== 0n),
        { minLength: 1, maxLength: 40 },
      ),
      (values) => {
        const database = openDatabase(':memory:');
        // A quarter each, so that every amount is a row of its own.
        database.ledger.append(values.map((value, index) => income(index, index * QUARTER_MS, value)));
        const all = { fromMs: 0, toMs: values.length * QUARTER_MS };
        const sum = values.reduce((total, value) => total + value, 0n);
        assert.deepEqual(database.ledger.flow('income:jobs', TOKEN, all), {
          amount: -sum,
          jobs: values.length,
        });
        for (const name of ['model 0', 'model 1']) {
          const of = values.filter((_, index) => `model ${index % 2}` === name);
          const found = database.ledger
            .flowsBy('model', 'income:jobs', TOKEN, all)
            .find((flow) => flow.name === name);
          assert.equal(found?.amount ?? 0n, -of.reduce((total, value) => total + value, 0n));
        }
        database.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('sums a past day again after an entry of that day, also one that was undone', () => {
  const database = openDatabase(':memory:');
  const { ledger } = database;
  const day = { fromMs: 0, toMs: 96 * QUARTER_MS };
  const sum = () => ledger.flow('income:jobs', TOKEN, day).amount;
  const models = () => ledger.flowsBy('model', 'income:jobs', TOKEN, day).map(({ amount }) => amount);
  ledger.append([income(0, 5, 10n)]);
  assert.deepEqual([sum(), models()], [-10n, [-10n]]);
  ledger.append([income(1, day.toMs, 1n), income(2, day.toMs - 1, 3n)]);
  assert.deepEqual([sum(), models()], [-13n, [-13n]]);
  assert.throws(() =>
    database.transaction(() => {
      ledger.append([income(3, 7, 100n)]);
      assert.equal(sum(), -113n);
      throw new Error('undone');
    }),
  );
  assert.deepEqual([sum(), models()], [-13n, [-13n]]);
  database.close();
});

test('a comparison holds only what differs, whatever the order', () => {
  const database = new Sqlite(':memory:');
  database.exec(`CREATE TABLE ledger_flow (account TEXT, asset_id TEXT, by TEXT, from_ms INTEGER, name TEXT,
    amount TEXT, jobs INTEGER, PRIMARY KEY (account, asset_id, by, from_ms, name)) WITHOUT ROWID`);
  const insert = database.prepare(
    "INSERT INTO ledger_flow VALUES ('income:jobs', 'a', 'model', ?, 'm', '-5', 1)",
  );
  const quarters = 5_000;
  for (let quarter = 0; quarter < quarters; quarter += 1) insert.run(quarter * QUARTER_MS);
  const flows = new FlowComparison(openHandles(database).reader);
  const key = (quarter: number) => flowKey('income:jobs', 'a', 'model', quarter * QUARTER_MS, 'm');
  let most = 0;
  for (let quarter = 0; quarter < quarters; quarter += 1) {
    // One entry is recorded long after its time, one is missing, and one has no stored sum.
    if (quarter !== 7 && quarter !== 9) flows.add(new Map([[key(quarter), { amount: -5n, jobs: 1 }]]));
    if (quarter === quarters - 1) flows.add(new Map([[key(7), { amount: -5n, jobs: 1 }]]));
    flows.compareTo(quarter * QUARTER_MS);
    most = Math.max(most, flows.openFlows);
  }
  flows.add(new Map([[key(quarters + 3), { amount: -2n, jobs: 1 }]]));
  assert.ok(most <= 3, `${most} flows were held`);
  assert.deepEqual(
    flows.finish().map(({ computed, stored }) => [computed, stored]),
    [
      ['0 in 0 jobs', '-5 in 1 jobs'],
      ['-2 in 1 jobs', '0 in 0 jobs'],
    ],
  );
  database.close();
});
