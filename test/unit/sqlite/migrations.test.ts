/**
 * Goal: each numbered step takes a database from the version before it to its own, data included.
 * Method: open with the steps up to N - 1, put rows in by hand, open with N.
 * Would break: a step edited after its release, a gap in the numbers, a step that runs twice or half.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { MIGRATIONS } from '../../../main/adapters/sqlite/migrations/index.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-migrations-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The database after the steps up to this version, opened bare. */
function at(version: number): Database.Database {
  openDatabase(path, { migrations: MIGRATIONS.slice(0, version) }).close();
  const database = new Database(path);
  database.pragma('foreign_keys = ON');
  return database;
}

function insertPosting(database: Database.Database): void {
  database.exec(`
    INSERT INTO ledger_posting (key, at_ms, kind, description) VALUES ('a', 1, 'opening', 'a test');
    INSERT INTO ledger_line VALUES (1, 0, 'wallet', 'token', '5', NULL, 1);
    INSERT INTO ledger_line VALUES (1, 1, 'equity:opening', 'token', '-5', NULL, 1);
  `);
}

test('0001: postings and lines cannot be changed, deleted, replaced or added to later', () => {
  const database = at(1);
  insertPosting(database);
  const forbidden = [
    "UPDATE ledger_posting SET description = 'b'",
    'DELETE FROM ledger_posting',
    "INSERT OR REPLACE INTO ledger_posting (sequence, key, at_ms, kind, description) VALUES (1, 'a', 2, 'opening', '')",
    "INSERT OR REPLACE INTO ledger_posting (key, at_ms, kind, description) VALUES ('a', 2, 'opening', '')",
    "UPDATE ledger_line SET amount = '6' WHERE position = 0",
    'DELETE FROM ledger_line',
    "INSERT OR REPLACE INTO ledger_line VALUES (1, 0, 'wallet', 'token', '6', NULL, 1)",
  ];
  for (const sql of forbidden) assert.throws(() => database.exec(sql), /immutable/, sql);
  database.exec("INSERT INTO ledger_posting (key, at_ms, kind, description) VALUES ('b', 1, 'opening', '')");
  assert.throws(
    () => database.exec("INSERT INTO ledger_line VALUES (1, 2, 'wallet', 'token', '6', NULL, 1)"),
    /immutable/,
  );
  for (const amount of ['0', '', '1.5e3', '05', '-', 'abc']) {
    const insert = () =>
      database.prepare("INSERT INTO ledger_line VALUES (2, 0, 'wallet', 'token', ?, NULL, 1)").run(amount);
    assert.throws(insert, /CHECK/, `amount ${amount}`);
  }
  database.close();
});

test('0001: a key is booked once and a posting is reversed once', () => {
  const database = at(1);
  insertPosting(database);
  const insert = 'INSERT INTO ledger_posting (key, at_ms, kind, description, reverses) VALUES ';
  assert.throws(() => database.exec(`${insert} ('a', 1, 'opening', '', NULL)`), /immutable/);
  assert.throws(() => database.exec(`${insert} ('c', 1, 'reversal', '', 'never')`), /FOREIGN KEY/);
  database.exec(`${insert} ('c', 1, 'reversal', '', 'a')`);
  assert.throws(() => database.exec(`${insert} ('d', 1, 'reversal', '', 'a')`), /immutable/);
  database.close();
});

test('0002: a job is looked up by what its text says; events need their job', () => {
  const database = at(2);
  database.exec(
    `INSERT INTO job (id, body) VALUES ('j', '{"side":"sold","state":"admitted","createdAtMs":7}')`,
  );
  const row = database.prepare('SELECT side, state, created_at_ms, channel_id, paid FROM job').get();
  assert.deepEqual(row, { side: 'sold', state: 'admitted', created_at_ms: 7, channel_id: null, paid: 'no' });
  assert.throws(() => database.exec("INSERT INTO job (id, body) VALUES ('k', 'no json')"), /JSON/);
  assert.throws(
    () => database.exec("INSERT INTO job_event VALUES ('x', 0, 1, 'admitted', NULL)"),
    /FOREIGN KEY/,
  );
  database.close();
});

test('0003: a record is one JSON text per collection and key', () => {
  const database = at(3);
  database.exec(`INSERT INTO record VALUES ('a', 'k', '{}'), ('b', 'k', '[]')`);
  assert.throws(() => database.exec("INSERT INTO record VALUES ('a', 'k', '{}')"), /UNIQUE/);
  assert.throws(() => database.exec("INSERT INTO record VALUES ('a', 'l', '{')"), /CHECK/);
  database.close();
});

test('0004: benchmark runs keep JSON conditions and results', () => {
  const database = at(4);
  database.exec("INSERT INTO benchmark VALUES ('a', 1, 'gpu', '{}', '{}')");
  assert.throws(
    () => database.exec("INSERT INTO benchmark VALUES ('b', 1, 'gpu', '{}', 'no json')"),
    /CHECK/,
  );
  database.close();
});

test('0005: what was booked before is chained and summed, and is as immutable as before', () => {
  const before = at(4);
  insertPosting(before);
  before.exec(`INSERT INTO job (id, body) VALUES ('j', '{"peer":"12D3"}')`);
  before.exec(`
    INSERT INTO ledger_posting (key, at_ms, kind, description, job_id, model)
      VALUES ('job:j:charged', 1800000, 'job-charged', 'a test', 'j', 'm');
    INSERT INTO ledger_line VALUES (2, 0, 'channels:owed', 'token', '7', '0xch', 1800000);
    INSERT INTO ledger_line VALUES (2, 1, 'income:jobs', 'token', '-7', '0xch', 1800000);
    INSERT INTO ledger_balance VALUES ('wallet', 'token', '5'), ('equity:opening', 'token', '-5'),
      ('channels:owed', 'token', '7'), ('income:jobs', 'token', '-7');
  `);
  before.close();
  const bare = at(5);
  const columns = '(sequence, key, at_ms, kind, description)';
  for (const sql of [
    "UPDATE ledger_posting SET hash = 'x'",
    'DELETE FROM ledger_posting',
    `INSERT OR REPLACE INTO ledger_posting ${columns} VALUES (1, 'z', 2, 'opening', '')`,
    `INSERT OR REPLACE INTO ledger_posting ${columns} VALUES (3, 'a', 2, 'opening', '')`,
    "INSERT OR REPLACE INTO ledger_line VALUES (2, 0, 'wallet', 'token', '6', NULL, 1)",
    "INSERT INTO ledger_line VALUES (1, 2, 'wallet', 'token', '6', NULL, 1)",
  ]) {
    assert.throws(() => bare.exec(sql), /immutable/, sql);
  }
  bare.close();
  const database = openDatabase(path);
  assert.deepEqual(database.ledger.check('all'), []);
  assert.equal(database.ledger.find('job:j:charged')?.peer, '12D3');
  assert.equal(database.ledger.sumForChannel('channels:owed', '0xch'), 7n);
  const span = { fromMs: 1800000, toMs: 2700000 };
  assert.deepEqual(database.ledger.flows('income:jobs', 'token', 'peer', span), [
    { fromMs: 1800000, name: '12D3', amount: -7n, jobs: 1 },
  ]);
  database.close();
});

test('0006: each posting has its lines with it, chained as before, and is as immutable as before', () => {
  const before = at(4);
  insertPosting(before);
  before.exec(`
    INSERT INTO ledger_posting (key, at_ms, kind, description) VALUES ('b', 2, 'channels-claimed', '"ü" \\ c');
    INSERT INTO ledger_line VALUES (2, 1, 'channels:owed', 'token', '-123456789012345678901234567890', '0xa', 2);
    INSERT INTO ledger_line VALUES (2, 0, 'contract:claimed', 'token', '123456789012345678901234567890', '0xa', 2);
    INSERT INTO ledger_posting (key, at_ms, kind, description, reverses) VALUES ('c', 3, 'reversal', '', 'a');
    INSERT INTO ledger_line VALUES (3, 0, 'wallet', 'token', '-5', NULL, 3);
    INSERT INTO ledger_line VALUES (3, 1, 'equity:opening', 'token', '5', NULL, 3);
    INSERT INTO ledger_balance VALUES ('channels:owed', 'token', '-123456789012345678901234567890'),
      ('contract:claimed', 'token', '123456789012345678901234567890');
  `);
  before.close();
  const database = openDatabase(path, { migrations: MIGRATIONS.slice(0, 6) });
  assert.deepEqual(database.ledger.check('all'), []);
  assert.deepEqual(
    database.ledger.find('b')?.lines.map(({ account, amount, channelId }) => [account, amount, channelId]),
    [
      ['contract:claimed', 123456789012345678901234567890n, '0xa'],
      ['channels:owed', -123456789012345678901234567890n, '0xa'],
    ],
  );
  database.close();
  const bare = new Database(path);
  bare.pragma('foreign_keys = ON');
  const insert = 'INTO ledger_posting (sequence, key, at_ms, kind, description, reverses, lines) VALUES';
  for (const sql of [
    "UPDATE ledger_posting SET lines = '[]'",
    'DELETE FROM ledger_posting',
    `INSERT OR REPLACE ${insert} (9, 'a', 2, 'opening', '', NULL, '[]')`,
    `INSERT ${insert} (9, 'd', 2, 'reversal', '', 'a', '[]')`,
    `INSERT OR REPLACE ${insert} (9, 'd', 2, 'reversal', '', 'a', '[]')`,
    `INSERT OR REPLACE ${insert} (1, 'd', 2, 'opening', '', NULL, '[]')`,
  ]) {
    assert.throws(() => bare.exec(sql), /immutable/, sql);
  }
  assert.throws(() => bare.exec(`INSERT ${insert} (9, 'd', 2, 'opening', '', NULL, 'none')`), /CHECK/);
  assert.throws(
    () => bare.exec(`INSERT ${insert} (9, 'd', 2, 'reversal', '', 'never', '[]')`),
    /FOREIGN KEY/,
  );
  bare.close();
});

test('0006: books whose newest entries are gone still say so', () => {
  const before = at(4);
  insertPosting(before);
  before.exec("INSERT INTO ledger_posting (key, at_ms, kind, description) VALUES ('b', 2, 'opening', '')");
  before.exec(`
    DROP TRIGGER ledger_posting_no_delete;
    DELETE FROM ledger_posting WHERE sequence = 2;
    CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
  `);
  before.close();
  const database = openDatabase(path);
  const said = database.ledger.check('all').map(({ what }) => what);
  assert.ok(said.includes('The newest entries are gone: 2 were written, 1 are there.'), said.join(' '));
  database.close();
});

test('what was written at one version is there at every later one', () => {
  const first = at(1);
  insertPosting(first);
  first.close();
  for (let version = 2; version <= MIGRATIONS.length; version += 1) at(version).close();
  const database = openDatabase(path);
  assert.equal(database.ledger.find('a')?.lines.length, 2);
  database.close();
});

test('a step that fails leaves the version before it', () => {
  const broken = { version: 2, sql: 'CREATE TABLE half (id TEXT); CREATE TABLE half (id TEXT);' };
  assert.throws(
    () => openDatabase(path, { migrations: [...MIGRATIONS.slice(0, 1), broken] }),
    /already exists/,
  );
  const database = at(2);
  assert.equal(database.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").pluck().get(), 0);
  assert.equal(database.pragma('user_version', { simple: true }), 2);
  database.close();
});

test('the steps are numbered from 1 without gaps', () => {
  MIGRATIONS.forEach((migration, index) => {
    assert.equal(migration.version, index + 1);
  });
});
