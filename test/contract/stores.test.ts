/**
 * Verifies: every store fulfills its port, in memory (which other tests use as their fake) and on disk.
 * Setup: one suite, run on both; on disk everything is read again after closing and reopening.
 * Fails if: a write isn't atomic, an order changes, or a value differs from what was written.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { acquireFileLock, type OpenDatabase, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { type Posting, QUARTER_MS } from '../../main/ports/ledger.ts';
import { isAppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import { soldJob } from '../unit/jobs/job-samples.ts';

const TOKEN = 'eip155:31337/0x01';

/** Checks a database; `reopened` returns the one to read from. */
type Check = (database: OpenDatabase, reopened: () => OpenDatabase) => void;
/** Runs a check on a new database. */
type Setting = (check: Check) => void;

const inMemory: Setting = (check) => {
  const database = openDatabase(':memory:');
  check(database, () => database);
  database.close();
};

const onDisk: Setting = (check) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-stores-'));
  try {
    const path = join(folder, 'idlewatt.db');
    let database = openDatabase(path);
    check(database, () => {
      database.close();
      database = openDatabase(path);
      return database;
    });
    database.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
};

function posting(key: string, value: bigint, atMs: number): Posting {
  return {
    key,
    atMs,
    kind: 'job-charged',
    description: 'a test',
    jobId: null,
    model: 'a model',
    peer: 'a peer',
    txHash: null,
    reverses: null,
    lines: [
      { account: 'channels:owed', assetId: TOKEN, amount: amount(value), channelId: '0xch' },
      { account: 'income:jobs', assetId: TOKEN, amount: amount(-value), channelId: '0xch' },
    ],
  };
}

const keepsPostings: Check = (database, reopened) => {
  // Wider than 64 bits: nothing may pass through a SQL number.
  const wide = 2n ** 200n + 1n;
  database.ledger.append([posting('a', wide, 10)]);
  database.ledger.append([posting('b', 2n, QUARTER_MS + 20)]);
  const { ledger } = reopened();
  assert.deepEqual(ledger.find('a'), posting('a', wide, 10));
  assert.equal(ledger.find('c'), null);
  assert.deepEqual(
    ledger.list({ kind: null, limit: 1 }).map(({ key }) => key),
    ['b'],
  );
  assert.deepEqual(ledger.list({ kind: 'payout', limit: 9 }), []);
  assert.deepEqual(ledger.balances(), [
    { account: 'channels:owed', assetId: TOKEN, amount: wide + 2n },
    { account: 'income:jobs', assetId: TOKEN, amount: -(wide + 2n) },
  ]);
  assert.equal(ledger.balance('channels:owed', TOKEN), wide + 2n);
  assert.equal(ledger.balance('channels:owed', 'other'), 0n);
  assert.deepEqual(
    ledger.page(0, 10).map(({ sequence, posting: { key } }) => [sequence, key]),
    [
      [1, 'a'],
      [2, 'b'],
    ],
  );
  assert.deepEqual(
    ledger.page(1, 10).map(({ posting: { key } }) => key),
    ['b'],
  );
  const income = (by: 'model' | 'peer', fromMs: number) =>
    ledger.flowsBy(by, 'income:jobs', TOKEN, { fromMs, toMs: 10 * QUARTER_MS });
  assert.deepEqual(income('model', 0), [{ name: 'a model', amount: -(wide + 2n), jobs: 2 }]);
  assert.deepEqual(income('model', QUARTER_MS), [{ name: 'a model', amount: -2n, jobs: 1 }]);
  assert.deepEqual(income('peer', QUARTER_MS), [{ name: 'a peer', amount: -2n, jobs: 1 }]);
  const all = { fromMs: 0, toMs: 10 * QUARTER_MS };
  assert.deepEqual(ledger.flow('income:jobs', TOKEN, all), { amount: -(wide + 2n), jobs: 2 });
  assert.deepEqual(ledger.flow('income:jobs', 'other', all), { amount: 0n, jobs: 0 });
  assert.deepEqual(
    ledger.flowsBy('model', 'channels:owed', TOKEN, all),
    [],
    'this account holds money, so nothing flows through it',
  );
  assert.throws(() => income('model', 1), /quarter/);
  assert.deepEqual(ledger.check('all'), []);
  assert.deepEqual(ledger.check('new'), []);
  assert.equal(ledger.sumForChannel('income:jobs', '0xch'), -(wide + 2n));
  assert.equal(ledger.sumForChannel('income:jobs', '0xother'), 0n);
};

const keepsNothingOfFailures: Check = (database, reopened) => {
  database.ledger.append([posting('a', 1n, 10)]);
  assert.throws(() => database.ledger.append([posting('c', 1n, 10), posting('a', 1n, 10)]));
  assert.throws(() =>
    database.transaction(() => {
      database.ledger.append([posting('b', 1n, 10)]);
      database.records.set('c', 'k', '1');
      throw new Error('stop');
    }),
  );
  const after = reopened();
  assert.equal(after.ledger.find('b'), null);
  assert.equal(after.ledger.find('c'), null);
  assert.equal(after.records.get('c', 'k'), null);
  assert.equal(after.ledger.balances()[0]?.amount, 1n);
};

const keepsJobs: Check = (database, reopened) => {
  database.jobs.insert(soldJob({ id: 'a', createdAtMs: 1 }));
  database.jobs.insert(soldJob({ id: 'b', createdAtMs: 2 }));
  database.jobs.insert({ ...soldJob({ id: 'c', createdAtMs: 3 }), side: 'bought' });
  database.jobs.update('b', {}, [{ atMs: 2, state: 'admitted', note: null }]);
  const running = database.jobs.update('b', { state: 'running', startedAtMs: 5 }, [
    { atMs: 1, state: 'running', note: 'a note' },
  ]);
  assert.equal(running.startedAtMs, 5);
  assert.throws(
    () => database.jobs.update('x', { state: 'running' }, []),
    (error) => isAppError(error, 'not-found'),
  );
  assert.throws(() => database.jobs.insert(soldJob({ id: 'a' })));
  const { jobs } = reopened();
  assert.deepEqual(jobs.find('b'), soldJob({ id: 'b', createdAtMs: 2, state: 'running', startedAtMs: 5 }));
  assert.deepEqual(jobs.events('b'), [
    { atMs: 2, state: 'admitted', note: null },
    { atMs: 1, state: 'running', note: 'a note' },
  ]);
  const ids = (filter: Partial<Parameters<typeof jobs.list>[0]>) =>
    jobs.list({ side: null, states: null, beforeMs: null, limit: 10, ...filter }).map(({ id }) => id);
  assert.deepEqual(ids({}), ['c', 'b', 'a']);
  assert.deepEqual(ids({ side: 'sold' }), ['b', 'a']);
  assert.deepEqual(ids({ states: ['running'] }), ['b']);
  assert.deepEqual(ids({ beforeMs: 3, limit: 1 }), ['b']);
  const page = (afterId: string, limit: number) => jobs.page(afterId, limit).map(({ id }) => id);
  assert.deepEqual([page('', 2), page('b', 2), page('c', 2)], [['a', 'b'], ['c'], []]);
  assert.equal(jobs.count({ side: 'sold', states: ['admitted', 'running'], fromMs: 2, toMs: 9 }), 1);
};

const searchesJobs: Check = (database, reopened) => {
  const uuid = '0c5b0f5e-7f5c-4d5e-9d6b-1f2e3d4c5b6a';
  database.jobs.insert({ ...soldJob({ id: 'a', createdAtMs: 1 }), model: 'Llama-3', peer: '12D3KooWabc' });
  database.jobs.insert({ ...soldJob({ id: uuid, createdAtMs: 2 }), model: 'llama-3.2', peer: '12D3KooWxyz' });
  database.jobs.insert({ ...soldJob({ id: 'c', createdAtMs: 3 }), model: '100%_sure', peer: '12D3KooWabc' });
  const { jobs } = reopened();
  const ids = (filter: Partial<Parameters<typeof jobs.list>[0]>) =>
    jobs.list({ side: 'sold', states: null, beforeMs: null, limit: 10, ...filter }).map(({ id }) => id);
  assert.deepEqual(ids({ search: 'LLAMA' }), [uuid, 'a'], 'in any case');
  assert.deepEqual(ids({ search: 'kooWABC' }), ['c', 'a']);
  assert.deepEqual(ids({ search: uuid }), [uuid]);
  assert.deepEqual(ids({ search: '%_' }), ['c'], 'no pattern');
  assert.deepEqual(ids({ search: 'nothing' }), []);
  assert.deepEqual(ids({ model: 'Llama-3' }), ['a'], 'exactly this model');
  assert.deepEqual(ids({ model: 'unknown' }), []);
  assert.deepEqual(ids({ model: 'llama-3.2', search: 'abc' }), []);
  assert.deepEqual(ids({ search: 'llama', beforeMs: 2 }), ['a']);
  assert.deepEqual(ids({ search: 'llama', limit: 1 }), [uuid]);
};

const followsPaymentMarks: Check = (database, reopened) => {
  database.jobs.insert(soldJob({ id: 'a', state: 'aborted', charged: '5', cumulative: '5' }));
  database.jobs.insert(soldJob({ id: 'b', state: 'charged', charged: '0', cumulative: '5' }));
  database.jobs.insert(soldJob({ id: 'c', state: 'failed' }));
  database.jobs.insert(soldJob({ id: 'e', state: 'delivered', charged: '5' }));
  database.jobs.insert({
    ...soldJob({ id: 'd', state: 'charged', charged: '5', cumulative: '5' }),
    side: 'bought',
  });
  const ids = (found: readonly { id: string }[]) => found.map(({ id }) => id);
  database.jobs.insert(soldJob({ id: 'f', state: 'charged', charged: '5', cumulative: '10' }));
  const total = amount(9);
  assert.deepEqual(ids(database.jobs.unclaimed('0xch', total, 9)), ['a'], 'by number, not by text');
  assert.deepEqual(ids(database.jobs.unclaimed('0xch', amount(10), 9)), ['a', 'f']);
  assert.deepEqual(ids(database.jobs.unclaimed('0xch', amount(10), 1)), ['a']);
  assert.deepEqual(ids(database.jobs.unclaimed('0xother', total, 9)), []);
  database.jobs.update('a', {}, [], 'claimed');
  const { jobs } = reopened();
  assert.deepEqual(ids(jobs.unclaimed('0xch', total, 9)), []);
  assert.deepEqual(ids(jobs.unsettled(TOKEN, 9)), ['a']);
  assert.deepEqual(ids(jobs.unsettled('eip155:1/0x02', 9)), []);
  jobs.update('a', {}, [], 'settled');
  assert.deepEqual(ids(jobs.unsettled(TOKEN, 9)), []);
};

const keepsRecords: Check = (database, reopened) => {
  const { records } = database;
  records.set('c', 'b', '{"n":1}');
  records.set('c', 'a', '[]');
  records.set('d', 'a', '"other"');
  assert.equal(
    records.update('c', 'b', (current) => JSON.stringify({ was: JSON.parse(current ?? 'null') })),
    '{"was":{"n":1}}',
  );
  assert.equal(
    records.update('c', 'new', (current) => (current === null ? '1' : '2')),
    '1',
  );
  assert.throws(() =>
    records.update('c', 'b', () => {
      throw new Error('stop');
    }),
  );
  assert.equal(
    records.update('c', 'a', () => null),
    null,
  );
  assert.equal(records.delete('c', 'a'), false);
  assert.deepEqual(reopened().records.list('c'), [
    { key: 'b', value: '{"was":{"n":1}}' },
    { key: 'new', value: '1' },
  ]);
};

const keepsBenchmarks: Check = (database, reopened) => {
  const row = (id: string, atMs: number, kind: string) => ({
    id,
    atMs,
    kind,
    conditions: '{}',
    result: '{}',
  });
  for (const entry of [row('a', 1, 'gpu'), row('b', 3, 'gpu'), row('c', 2, 'engine')]) {
    database.benchmarks.insert(entry);
  }
  const { benchmarks } = reopened();
  const ids = (kind: string | null, limit: number) => benchmarks.list(kind, limit).map(({ id }) => id);
  assert.deepEqual(ids(null, 9), ['b', 'c', 'a']);
  assert.deepEqual(ids('gpu', 1), ['b']);
  assert.deepEqual(benchmarks.list('engine', 9), [row('c', 2, 'engine')]);
};

const CHECKS: readonly (readonly [title: string, check: Check])[] = [
  ['ledger: postings, balances and sums are read back unchanged', keepsPostings],
  ['ledger: an existing key or a failure inside a transaction leaves nothing behind', keepsNothingOfFailures],
  ['jobs: are inserted, changed, listed and counted; events stay in order', keepsJobs],
  ['jobs: unclaimed and unsettled follow the marks, for charged sold jobs only', followsPaymentMarks],
  ['jobs: are found by model, and by a part of their model or peer or by their ID', searchesJobs],
  ['records: are set, listed by key, updated atomically and deleted', keepsRecords],
  ['benchmarks: are listed newest first, by kind', keepsBenchmarks],
];

for (const [name, setting] of [
  ['in memory', inMemory],
  ['on disk', onDisk],
] as const) {
  for (const [title, check] of CHECKS) test(`${name}: ${title}`, () => setting(check));
}

test('a file lock has one holder, even within one process, and is free after its release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-lock-'));
  const path = join(folder, 'agent.lock');
  const first = acquireFileLock(path);
  assert.ok(first);
  assert.equal(acquireFileLock(path), null);
  first.release();
  const second = acquireFileLock(path);
  assert.ok(second);
  second.release();
  rmSync(folder, { recursive: true });
});
