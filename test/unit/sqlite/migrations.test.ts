/**
 * Verifies: each numbered step takes a database from the previous version to its own, data included, and no released
 * step changes.
 * Setup: open with the steps up to N - 1, insert rows by hand, open with N; the files against their listed hashes.
 * Fails if: a step is edited after its release or depends on today's code, the numbers have a gap, a step runs twice or
 * in part.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { MIGRATIONS, NEWEST_VERSION } from '../../../main/adapters/sqlite/migrations.ts';
import { forceUnwrap } from '../../../shared/assert.ts';
import { isAppError } from '../../../shared/errors.ts';
import { jobSchema } from '../../../shared/jobs.ts';

const FOLDER = join(import.meta.dirname, '../../../main/adapters/sqlite/migrations');

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-migrations-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Returns the database after the steps up to this version, without the adapter. */
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

test('0001: a key is recorded once and a posting is reversed once', () => {
  const database = at(1);
  insertPosting(database);
  const insert = 'INSERT INTO ledger_posting (key, at_ms, kind, description, reverses) VALUES ';
  assert.throws(() => database.exec(`${insert} ('a', 1, 'opening', '', NULL)`), /immutable/);
  assert.throws(() => database.exec(`${insert} ('c', 1, 'reversal', '', 'never')`), /FOREIGN KEY/);
  database.exec(`${insert} ('c', 1, 'reversal', '', 'a')`);
  assert.throws(() => database.exec(`${insert} ('d', 1, 'reversal', '', 'a')`), /immutable/);
  database.close();
});

test('0002: lookup columns come from the text of the job; events need their job', () => {
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

test('0004: conditions and results of benchmark runs are JSON', () => {
  const database = at(4);
  database.exec("INSERT INTO benchmark VALUES ('a', 1, 'gpu', '{}', '{}')");
  assert.throws(
    () => database.exec("INSERT INTO benchmark VALUES ('b', 1, 'gpu', '{}', 'no json')"),
    /CHECK/,
  );
  database.close();
});

test('0005: existing postings are chained and summed, and stay immutable', () => {
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
  assert.deepEqual(database.ledger.flowsBy('peer', 'income:jobs', 'token', span), [
    { name: '12D3', amount: -7n, jobs: 1 },
  ]);
  database.close();
});

test('0006: each posting includes its lines, is chained as before and stays immutable', () => {
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
  const bare = at(6);
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
  const database = openDatabase(path);
  assert.deepEqual(database.ledger.check('all'), []);
  assert.deepEqual(
    database.ledger.find('b')?.lines.map(({ account, amount, channelId }) => [account, amount, channelId]),
    [
      ['contract:claimed', 123456789012345678901234567890n, '0xa'],
      ['channels:owed', -123456789012345678901234567890n, '0xa'],
    ],
  );
  database.close();
});

test('0006: newest entries that were missing before are still reported', () => {
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
  const problems = database.ledger.check('all').map(({ what }) => what);
  assert.ok(
    problems.includes('The newest entries are missing: 2 were written, 1 exist.'),
    problems.join(' '),
  );
  database.close();
});

test('every later version preserves the data of an earlier one', () => {
  const first = at(1);
  insertPosting(first);
  first.close();
  for (let version = 2; version <= MIGRATIONS.length; version += 1) at(version).close();
  const database = openDatabase(path);
  assert.equal(database.ledger.find('a')?.lines.length, 2);
  database.close();
});

test('0007: the database has an ID, and every row its checksum', () => {
  const before = at(6);
  before.exec(`
    INSERT INTO job (id, body, paid) VALUES ('j', '{"side":"sold"}', 'claimed');
    INSERT INTO job_event VALUES ('j', 0, 1764000000000, 'admitted', NULL);
    INSERT INTO record VALUES ('channel', '0x1', '{"charged":"5"}');
    INSERT INTO benchmark VALUES ('b', 1, 'cpu', '{}', '{}');
  `);
  before.close();
  const after = at(7);
  assert.match(String(after.prepare('SELECT id FROM database_identity').pluck().get()), /^[0-9a-f]{32}$/);
  for (const [table, expected] of [
    ['job', checksum('j', '{"side":"sold"}', 'claimed')],
    ['job_event', checksum('j', 0, 1764000000000, 'admitted', null)],
    ['record', checksum('channel', '0x1', '{"charged":"5"}')],
    ['benchmark', checksum('b', 1, 'cpu', '{}', '{}')],
  ] as const) {
    const sql = `SELECT checksum FROM ${table}`;
    assert.equal(after.prepare(sql).pluck().get(), expected, table);
  }
  after.close();
  openDatabase(path).close();
});

const RECEIPT = [
  { alg: 'EdDSA', kid: '12D3KooWProvider' },
  { job: '0192a3b4-c5d6-7e8f-9a0b-1c2d3e4f5a6b', peer: '12D3KooWProvider', charged: '70', note: 'ü "\\"' },
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.');

function checksum(...values: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 16);
}

/** Receipts that are stored in parts, and such that are stored unchanged. */
const RECEIPTS = [
  `${RECEIPT}.${Buffer.alloc(64, 7).toString('base64url')}`,
  `${RECEIPT}.${Buffer.alloc(65, 7).toString('base64url')}`,
  `${RECEIPT}=.${Buffer.alloc(64, 7).toString('base64url')}`,
  'not a JWS',
  `bm8.${RECEIPT}`,
  null,
];

const OLD_JOBS = RECEIPTS.map((receipt, index) => ({
  ...{ id: `0192a3b4-c5d6-7e8f-9a0b-1c2d3e4f5a6${index}`, side: index % 2 === 0 ? 'sold' : 'bought' },
  ...{ state: 'claimed', model: 'a model', peer: `12D3-${index % 3}`, payer: '0x01', channelId: '0xch' },
  ...{
    createdAtMs: 1_764_000_000_000 + index,
    startedAtMs: 1_764_000_000_005,
    firstTokenAtMs: 1_764_000_000_009.5,
  },
  ...{
    endedAtMs: 1_764_000_000_099,
    inputTokens: 3,
    outputTokens: 0,
    decodeTokensPerSecond: 12.345678901234,
  },
  ...{ assetId: 'eip155:1/0x01', charged: '70', cumulative: '123456789012345678901234567890', receipt },
  ...{ finishReason: 'stop', error: null },
}));

test('0008: jobs, timelines and entries read as before, and the entries keep their hashes', () => {
  const before = at(7);
  const insertJob = before.prepare('INSERT INTO job (id, body, paid) VALUES (?, ?, ?)');
  const insertEvent = before.prepare(
    'INSERT INTO job_event (job_id, position, at_ms, state, note) VALUES (?, ?, ?, ?, ?)',
  );
  const hashText = `0x${'ab'.repeat(32)}`;
  for (const job of OLD_JOBS) {
    insertJob.run(job.id, JSON.stringify(job), 'claimed');
    insertEvent.run(job.id, 0, 1, 'admitted', null);
    insertEvent.run(job.id, 1, 2, 'charged', 'a "note"');
    insertEvent.run(job.id, 2, 3, 'claimed', hashText);
  }
  before
    .prepare('INSERT INTO job (id, body, paid) VALUES (?, ?, ?)')
    .run('short', JSON.stringify({ ...OLD_JOBS[0], id: 'short', state: 'running', charged: null }), 'no');
  chainedPostings(before);
  before.function('row_checksum', { varargs: true }, checksum);
  before.exec(`UPDATE job SET checksum = row_checksum(id, body, paid);
    UPDATE job_event SET checksum = row_checksum(job_id, position, at_ms, state, note)`);
  before.close();
  const database = openDatabase(path);
  const { jobs, ledger } = database;
  for (const job of OLD_JOBS) {
    assert.deepEqual(jobs.find(job.id), { ...job, continues: null, continuedBy: null, apiKey: null });
    assert.deepEqual(jobs.events(job.id), [
      { atMs: 1, state: 'admitted', note: null },
      { atMs: 2, state: 'charged', note: 'a "note"' },
      { atMs: 3, state: 'claimed', note: hashText },
    ]);
  }
  assert.deepEqual(
    jobs.unsettled('eip155:1/0x01', 99).map(({ id }) => id),
    OLD_JOBS.filter(({ side }) => side === 'sold').map(({ id }) => id),
  );
  const unfinished = jobs.list({ side: null, states: ['running'], beforeMs: null, limit: 9 });
  assert.deepEqual(
    unfinished.map(({ id }) => id),
    ['short'],
  );
  assert.deepEqual(ledger.check('all'), []);
  assert.deepEqual(
    ledger.page(0, 9).map(({ posting: { key, jobId, reverses } }) => [key, jobId, reverses]),
    POSTINGS.map(({ key, jobId, reverses }) => [key, jobId, reverses]),
  );
  database.close();
  const after = new Database(path);
  assert.equal(after.pragma('page_size', { simple: true }), 2048, 'the file was rewritten');
  for (const sql of [
    "UPDATE shared_text SET text = 'x' WHERE number = 1",
    'DELETE FROM shared_text',
    "INSERT OR REPLACE INTO shared_text VALUES (1, 'x', 'x')",
    "UPDATE ledger_posting SET lines = '[]'",
    'DELETE FROM ledger_posting',
  ]) {
    assert.throws(() => after.exec(sql), /immutable/, sql);
  }
  after.close();
});

const CHARGE = 'job:0192a3b4-c5d6-7e8f-9a0b-1c2d3e4f5a60:charged';
const JOB = '0192a3b4-c5d6-7e8f-9a0b-1c2d3e4f5a60';
const POSTINGS = [
  { key: 'text', jobId: null, reverses: null, channel: '0xch', amount: '5' },
  { key: CHARGE, jobId: JOB, reverses: null, channel: '0xch', amount: '70' },
  {
    key: 'job:0192a3b4-c5d6-7e8f-9a0b-1c2d3e4f5a61:charged',
    jobId: null,
    reverses: null,
    channel: null,
    amount: '1',
  },
  {
    key: 'job:0192a3b4-c5d6-7e8f-9a0b-1c2d3e4f5a62:charged',
    jobId: JOB,
    reverses: null,
    channel: null,
    amount: '2',
  },
  { key: 'job:plain:charged', jobId: 'plain', reverses: null, channel: '0xch', amount: '3' },
  { key: `reversal:${CHARGE}`, jobId: JOB, reverses: CHARGE, channel: '0xch', amount: '-70' },
];

/** Inserts {@link POSTINGS} as version 7 did, chained and summed. */
function chainedPostings(database: Database.Database): void {
  let previous = '0'.repeat(64);
  const sums = new Map<string, bigint>();
  POSTINGS.forEach(({ key, jobId, reverses, channel, amount }, index) => {
    const lines = JSON.stringify([
      ['wallet', 'token', amount, channel],
      ['equity:opening', 'token', amount.startsWith('-') ? amount.slice(1) : `-${amount}`, channel],
    ]);
    const fields = [
      'posting 1',
      previous,
      index + 1,
      key,
      index,
      'opening',
      'a "test"',
      jobId,
      'm',
      null,
      null,
      reverses,
    ];
    previous = createHash('sha256')
      .update(`${JSON.stringify(fields).slice(0, -1)},${lines}]`)
      .digest('hex');
    database
      .prepare(
        "INSERT INTO ledger_posting VALUES (?, ?, ?, ?, 'opening', 'a \"test\"', ?, 'm', NULL, NULL, ?, ?)",
      )
      .run(index + 1, previous, key, index, jobId, reverses, lines);
    for (const [account, sign] of [
      ['wallet', 1n],
      ['equity:opening', -1n],
    ] as const) {
      const value = sign * BigInt(amount);
      sums.set(`balance ${account}`, (sums.get(`balance ${account}`) ?? 0n) + value);
      if (channel !== null) sums.set(`channel ${account}`, (sums.get(`channel ${account}`) ?? 0n) + value);
    }
  });
  database.prepare('INSERT INTO ledger_head VALUES (1, ?, ?)').run(POSTINGS.length, previous);
  for (const [key, sum] of sums) {
    const [kind, account] = key.split(' ');
    if (kind === 'balance') {
      database.prepare("INSERT INTO ledger_balance VALUES (?, 'token', ?)").run(account, String(sum));
    } else database.prepare("INSERT INTO ledger_channel_sum VALUES (?, '0xch', ?)").run(account, String(sum));
  }
}

test('0009: daily sums of jobs are unique by their place', () => {
  at(8).close();
  const after = at(9);
  after.exec("INSERT INTO shared_text VALUES (1, 'a model', 'x')");
  const insert = after.prepare("INSERT INTO job_fold VALUES (86400000, ?, 1, 1, 1, 0, 2, 0, '0', 3, 4, 'x')");
  insert.run(0);
  assert.throws(() => insert.run(0), /UNIQUE/);
  assert.throws(() => insert.run(2), /CHECK/);
  insert.run(1);
  after.close();
});

test('0010: a job of before reads as before, and one of now has its key', () => {
  const old = jobSchema.parse({ ...forceUnwrap('there is an old job', OLD_JOBS[0]), continues: null });
  const before = openDatabase(path, { migrations: MIGRATIONS.slice(0, 9) });
  before.jobs.insertEnded({ ...old, apiKey: null }, [], 'no');
  before.close();
  const { jobs, close } = openDatabase(path);
  assert.deepEqual(jobs.find(old.id), { ...old, apiKey: null });
  const later = { ...old, id: 'later', apiKey: { id: '1'.repeat(16), name: 'Editor' } };
  const own = { ...later, id: 'own', apiKey: { id: '2'.repeat(16), name: null } };
  for (const job of [later, own]) {
    jobs.insertEnded(job, [], 'no');
    assert.deepEqual(jobs.find(job.id), job);
  }
  close();
  // A program of before would call those jobs damaged.
  assert.throws(() => openDatabase(path, { migrations: MIGRATIONS.slice(0, 9) }), /newer version/);
});

test('0011: the stored sums of before end with the checkpoint, and later postings are added to them', () => {
  const before = at(10);
  for (const [index, text] of ['wallet', 'token', 'equity:faucet', 'faucet'].entries()) {
    const checksum = createHash('sha256')
      .update(JSON.stringify([index + 1, text]))
      .digest('hex')
      .slice(0, 16);
    before.prepare('INSERT INTO shared_text VALUES (?, ?, ?)').run(index + 1, text, checksum);
  }
  before.exec(`
    INSERT INTO ledger_checkpoint VALUES (1, 1, 'older', '{}');
    INSERT INTO ledger_balance VALUES ('equity:faucet', 'token', '-5'), ('wallet', 'token', '5');
    INSERT INTO ledger_head VALUES (1, 7, '${'a'.repeat(64)}');
  `);
  before.close();
  const after = at(11);
  assert.deepEqual(after.prepare('SELECT * FROM ledger_checkpoint').get(), {
    one: 1,
    sequence: 7,
    hash: 'a'.repeat(64),
    balances: '{"[\\"equity:faucet\\",\\"token\\"]":"-5","[\\"wallet\\",\\"token\\"]":"5"}',
  });
  after
    .prepare("INSERT INTO ledger_posting VALUES (8, NULL, 'k', 1, 4, 4, NULL, NULL, NULL, NULL, NULL, ?)")
    .run('[[1,2,"3",null],[3,2,"-3",null]]');
  after.close();
  const { ledger, close } = openDatabase(path, { readFirstBytesMax: 0 });
  assert.equal(ledger.balance('wallet', 'token'), 8n);
  close();
});

test('0011: a ledger without entries has no checkpoint', () => {
  at(10).close();
  const after = at(11);
  assert.equal(after.prepare('SELECT count(*) FROM ledger_checkpoint').pluck().get(), 0);
  after.close();
});

test('a failed step leaves the version before it', () => {
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

test('a step for which the disk is full fails with disk-full and leaves the version before it', () => {
  at(1).close();
  const large = {
    version: 2,
    sql: 'CREATE TABLE large (text TEXT)',
    fill(database: Database.Database) {
      database.pragma(`max_page_count = ${Number(database.pragma('page_count', { simple: true }))}`);
      database.prepare('INSERT INTO large VALUES (?)').run('x'.repeat(100_000));
    },
  };
  assert.throws(
    () => openDatabase(path, { migrations: [...MIGRATIONS.slice(0, 1), large] }),
    (error) => isAppError(error, 'disk-full'),
  );
  const database = new Database(path);
  assert.equal(database.pragma('user_version', { simple: true }), 1);
  database.close();
});

test('the steps are numbered from 1 without gaps', () => {
  MIGRATIONS.forEach((migration, index) => {
    assert.equal(migration.version, index + 1);
  });
  assert.equal(NEWEST_VERSION, MIGRATIONS.at(-1)?.version);
});

/** The numbered files. Line ends count as LF, regardless of what git wrote on this system. */
function stepFiles(): { readonly name: string; readonly text: string }[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8').replaceAll('\r\n', '\n') }));
}

test('no released step has changed', () => {
  const hashes = stepFiles().map(({ name, text }) => [name, createHash('sha256').update(text).digest('hex')]);
  const listed = JSON.parse(readFileSync(join(FOLDER, 'hashes.json'), 'utf8'));
  assert.deepEqual(
    Object.fromEntries(hashes),
    listed,
    'write a new migration instead of changing an old one',
  );
  assert.equal(hashes.length, MIGRATIONS.length);
});

test('steps import nothing but Node and the type of a migration', () => {
  for (const { name, text } of stepFiles()) {
    const imports = [...text.matchAll(/^import (type )?.* from '(.*)';$/gm)].map(([, type, from]) => [
      type,
      from,
    ]);
    assert.equal(imports.length, text.match(/\bimport\b|\brequire\b/g)?.length, name);
    for (const [type, from = ''] of imports) {
      const isAllowed = type
        ? ['../migration.ts', 'better-sqlite3'].includes(from)
        : from.startsWith('node:');
      assert.ok(isAllowed, `${name} imports ${from}`);
    }
  }
});
