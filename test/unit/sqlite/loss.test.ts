/**
 * Verifies: a database that vanishes, is replaced, rolled back or rots is noticed, at the start and while it is in use,
 * and no good backup is overwritten.
 * Setup: real files that are deleted, replaced, rolled back by a deleted write-ahead log, and changed bit by bit.
 * Fails if: an empty or older database is used in silence, what only the process still has is lost, a changed bit goes
 * unseen, or a copy with more content is replaced by one with less.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { type OpenDatabase, openDatabase, openForReading } from '../../../main/adapters/sqlite/index.ts';
import { MIGRATIONS, NEWEST_VERSION } from '../../../main/adapters/sqlite/migrations.ts';
import type { Posting } from '../../../main/ports/ledger.ts';
import { isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { soldJob } from '../jobs/job-samples.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-loss-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Windows lets nobody move or delete a file that is open. */
const MOVABLE = { skip: process.platform === 'win32' };

const isLost = (error: unknown) => isAppError(error, 'database-lost');

function posting(key: string): Posting {
  return {
    key,
    atMs: 900_000,
    kind: 'opening',
    description: 'a test',
    jobId: null,
    model: null,
    peer: null,
    txHash: null,
    reverses: null,
    lines: [
      { account: 'wallet', assetId: 'token', amount: amount(5n), channelId: null },
      { account: 'equity:opening', assetId: 'token', amount: amount(-5n), channelId: null },
    ],
  };
}

function append(database: OpenDatabase, from: number, to: number): void {
  for (let index = from; index < to; index += 1) database.ledger.append([posting(`entry-${index}`)]);
}

function createWith(entries: number): void {
  const database = openDatabase(path);
  append(database, 0, entries);
  database.close();
}

function names(): string[] {
  return readdirSync(folder).sort();
}

function removeDatabase(): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
}

/** Makes the next start renew the copy. */
function agedBackup(): void {
  utimesSync(`${path}.backup`, 0, 0);
}

test('a deleted database is refused instead of replaced by an empty one', () => {
  createWith(3);
  openDatabase(path).close();
  const backup = readFileSync(`${path}.backup`);
  agedBackup();
  removeDatabase();
  assert.throws(
    () => openDatabase(path),
    (error) =>
      isAppError(error, 'database-lost') &&
      error.message.includes('3 entries') &&
      error.message.includes(`copy ${path}.backup to ${path}`),
  );
  writeFileSync(path, '');
  assert.throws(() => openDatabase(path), isLost, 'an empty file is no database either');
  assert.deepEqual(readFileSync(`${path}.backup`), backup);
  rmSync(path);
  rmSync(`${path}.mark`);
  assert.throws(() => openDatabase(path), isLost, 'the copy alone shows that there was a database');
  assert.equal(existsSync(path), false);
});

test('a database without its write-ahead log is refused, and continues when the log is back', () => {
  createWith(1);
  killedAfter(`
    for (let index = 1; index < 6; index += 1) database.ledger.append([{
      ...${JSON.stringify({ ...posting('x'), lines: [] })}, key: 'entry-' + index,
      lines: [['wallet', 5n], ['equity:opening', -5n]].map(([account, amount]) =>
        ({ account, assetId: 'token', amount, channelId: null })) }]);`);
  renameSync(`${path}-wal`, `${path}-elsewhere`);
  rmSync(`${path}-shm`, { force: true });
  const before = readFileSync(path);
  assert.throws(
    () => openDatabase(path),
    (error) => isAppError(error, 'database-lost') && /entry 1, .* entry 6/.test(error.message),
  );
  assert.deepEqual(readFileSync(path), before);
  renameSync(`${path}-elsewhere`, `${path}-wal`);
  const database = openDatabase(path);
  assert.equal(database.ledger.page(0, 100).length, 6);
  database.close();
});

/** Runs a program on the database and kills it, so that its write-ahead log stays. */
function killedAfter(statements: string): void {
  const program = `
    import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../../main/adapters/sqlite/index.ts'))};
    const database = openDatabase(${JSON.stringify(path)});
    ${statements}
    process.kill(process.pid, 'SIGKILL');`;
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(signal, 'SIGKILL', stderr);
}

test('a log that had only records, jobs or benchmarks is missed, too', () => {
  const job = JSON.stringify(soldJob());
  const writes = [
    "database.records.set('x402-sold', 'channel', '1');",
    "database.records.delete('x402-sold', 'kept');",
    `database.jobs.insert(${job});`,
    "database.transaction(() => database.records.set('x402-sold', 'channel', '2'));",
    // In a group, as the vouchers of jobs are written.
    "database.durability.defer(() => database.records.set('x402-sold', 'channel', '3')); await database.durability.durable();",
  ];
  for (const write of writes) {
    removeDatabase();
    rmSync(`${path}.mark`, { force: true });
    rmSync(`${path}.backup`, { force: true });
    createWith(2);
    const filled = openDatabase(path);
    filled.records.set('x402-sold', 'kept', '1');
    filled.close();
    killedAfter(`${write} database.storage.check();`);
    renameSync(`${path}-wal`, `${path}-elsewhere`);
    rmSync(`${path}-shm`, { force: true });
    assert.throws(
      () => openDatabase(path),
      (error) => isLost(error) && /its write-ahead log is lost/.test(String(error)),
      write,
    );
    renameSync(`${path}-elsewhere`, `${path}-wal`);
    openDatabase(path).close();
  }
});

test('a log that is cut behind its last ledger entry is missed', () => {
  createWith(1);
  const log = `${path}-wal`;
  killedAfter(`
    import { statSync, writeFileSync } from 'node:fs';
    const size = () => String(statSync(${JSON.stringify(log)}).size);
    for (let index = 0; index < 5; index += 1) database.records.set('channel', 'early-' + index, '1');
    writeFileSync(${JSON.stringify(`${path}-size`)}, size());
    for (let index = 0; index < 5; index += 1) database.records.set('channel', 'late-' + index, '1');`);
  const whole = readFileSync(log);
  const cut = Number(readFileSync(`${path}-size`, 'utf8'));
  assert.ok(cut < whole.length);
  writeFileSync(log, whole.subarray(0, cut));
  rmSync(`${path}-shm`, { force: true });
  assert.throws(
    () => openDatabase(path),
    (error) => isLost(error) && /its write-ahead log is lost/.test(String(error)),
  );
  writeFileSync(log, whole);
  const database = openDatabase(path);
  assert.equal(database.records.list('channel').length, 10);
  database.close();
});

test('an older copy, another database and a diverged one are refused until the mark is moved away', () => {
  createWith(2);
  copyFileSync(path, join(folder, 'older'));
  createWith2(4);
  copyFileSync(join(folder, 'older'), path);
  assert.throws(() => openDatabase(path), isLost);
  assert.throws(() => openForReading(path), isLost);

  const other = join(folder, 'other.db');
  const database = openDatabase(other);
  append(database, 0, 9);
  database.close();
  copyFileSync(other, path);
  assert.throws(
    () => openDatabase(path),
    (error) => isLost(error) && /not the one/.test(String(error)),
  );

  copyFileSync(join(folder, 'older'), path);
  renameSync(`${path}.mark`, join(folder, 'mark'));
  const accepted = openDatabase(path);
  accepted.ledger.append([posting('another-2')]);
  accepted.ledger.append([posting('another-3')]);
  accepted.ledger.append([posting('another-4')]);
  accepted.close();
  renameSync(join(folder, 'mark'), `${path}.mark`);
  assert.throws(
    () => openDatabase(path),
    (error) => isLost(error) && /another entry 4/.test(String(error)),
  );
});

function createWith2(to: number): void {
  const database = openDatabase(path);
  append(database, 2, to);
  database.close();
}

test('an unreadable mark doesn’t lock the owner out and is written again', () => {
  createWith(2);
  for (const content of ['', '{"format":', '{"format":"idlewatt-mark-1","sequence":-1}']) {
    writeFileSync(`${path}.mark`, content);
    openDatabase(path).close();
    assert.match(readFileSync(`${path}.mark`, 'utf8'), /"sequence":2/);
  }
});

test(
  'a database that is deleted while in use takes no more writes, and what it had is rescued',
  MOVABLE,
  () => {
    const database = openDatabase(path);
    append(database, 0, 3);
    const faults: (string | null)[] = [];
    database.storage.onChange((fault) => faults.push(fault));
    removeDatabase();
    assert.throws(() => database.records.set('channel', 'a', '1'), isLost);
    assert.equal(database.records.get('channel', 'a'), null, 'reads still work');
    assert.equal(database.storage.fault(), 'database-lost');
    database.storage.check();
    assert.deepEqual(faults, ['database-lost']);
    database.close();
    assert.throws(
      () => openDatabase(path),
      (error) => isLost(error) && /rename .*\.rescued/.test(String(error)),
    );
    renameSync(`${path}.rescued`, path);
    const rescued = openDatabase(path);
    assert.equal(rescued.ledger.page(0, 10).length, 3);
    rescued.close();
  },
);

test(
  'a database that is moved away while in use is noticed by the next check, and continues when it is back',
  MOVABLE,
  () => {
    const database = openDatabase(path);
    append(database, 0, 1);
    renameSync(path, `${path}-elsewhere`);
    database.storage.check();
    assert.equal(database.storage.fault(), 'database-lost');
    renameSync(`${path}-elsewhere`, path);
    database.storage.check();
    assert.equal(database.storage.fault(), null);
    append(database, 1, 2);
    database.close();
    openDatabase(path).close();
  },
);

test('a write-ahead log that is deleted while in use is copied into the database', MOVABLE, () => {
  const database = openDatabase(path);
  append(database, 0, 3);
  rmSync(`${path}-wal`);
  assert.throws(() => append(database, 3, 4), isLost);
  database.close();
  const next = openDatabase(path);
  assert.equal(next.ledger.page(0, 10).length, 3);
  next.close();
});

test('a replaced database is noticed, and the replacement stays unchanged', MOVABLE, () => {
  const database = openDatabase(path);
  append(database, 0, 3);
  copyFileSync(path, join(folder, 'copy'));
  renameSync(join(folder, 'copy'), path);
  const replacement = readFileSync(path);
  assert.throws(() => append(database, 3, 4), isLost);
  database.close();
  assert.deepEqual(readFileSync(path), replacement);
});

test('a backup is replaced only by a database that contains all of it', () => {
  createWith(4);
  openDatabase(path).close();
  const newer = readFileSync(`${path}.backup`);
  // The owner decides to continue with an empty ledger and leaves the copy where it is.
  removeDatabase();
  rmSync(`${path}.mark`);
  renameSync(`${path}.backup`, join(folder, 'kept'));
  createWith(1);
  renameSync(join(folder, 'kept'), `${path}.backup`);
  agedBackup();
  openDatabase(path).close();
  const kept = names().filter((name) => name.startsWith('idlewatt.db.backup.kept-4-'));
  assert.equal(kept.length, 1, names().join(' '));
  assert.deepEqual(readFileSync(join(folder, kept[0] ?? '')), newer);
  agedBackup();
  openDatabase(path).close();
  assert.equal(names().filter((name) => name.includes('kept')).length, 1, 'its own copy is replaced');
});

test('a ledger that doesn’t add up doesn’t replace the backup', () => {
  createWith(3);
  openDatabase(path).close();
  const backup = readFileSync(`${path}.backup`);
  const database = new Database(path);
  database.exec('DROP TRIGGER ledger_posting_no_update');
  database.exec('UPDATE ledger_posting SET description = kind WHERE sequence = 1');
  database.close();
  agedBackup();
  const opened = openDatabase(path);
  assert.equal(opened.storage.fault(), 'database-damaged', 'nothing is sold on it');
  assert.equal(opened.ledger.check('all').length, 1, 'its owner can see what changed');
  opened.close();
  assert.deepEqual(readFileSync(`${path}.backup`), backup);
});

test('one copy per schema version is made before it is left, however new the other copy is', () => {
  openDatabase(path, { migrations: MIGRATIONS.slice(0, 6) }).close();
  const old = new Database(path);
  old.exec(`INSERT INTO record (collection, key, value) VALUES ('a', 'b', '1')`);
  old.close();
  openDatabase(path, { migrations: MIGRATIONS.slice(0, 6) }).close();
  const later = new Database(path);
  later.exec(`INSERT INTO record (collection, key, value) VALUES ('a', 'c', '2')`);
  later.close();
  openDatabase(path).close();
  const copy = new Database(`${path}.backup-v6`, { readonly: true });
  assert.equal(copy.pragma('user_version', { simple: true }), 6);
  assert.equal(copy.prepare('SELECT count(*) FROM record').pluck().get(), 2);
  copy.close();
  assert.equal(statSync(`${path}.backup-v6`).mode & 0o777, 0o600);
  assert.equal(new Database(path).pragma('user_version', { simple: true }), NEWEST_VERSION);
});

/** Content of every row, without what SQLite stores about itself. */
function dump(file: string): string {
  const database = new Database(file, { readonly: true });
  try {
    const tables = database
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .pluck()
      .all() as string[];
    return JSON.stringify(
      tables.map((table) => [table, database.prepare(`SELECT * FROM "${table}"`).raw().all()]),
    );
  } finally {
    database.close();
  }
}

function fillEveryTable(): void {
  const database = openDatabase(path);
  append(database, 0, 20);
  for (let index = 0; index < 20; index += 1) {
    const job = soldJob({ id: `job-${index}` });
    database.jobs.insert(job, { atMs: index, state: job.state, note: null });
    const event = { atMs: index + 1, state: 'running', note: 'a note' } as const;
    database.jobs.update(job.id, { outputTokens: index }, [event]);
    database.records.set('channel', `0x${index}`, JSON.stringify({ charged: String(index) }));
    const conditions = JSON.stringify({ index });
    database.benchmarks.insert({ id: `b-${index}`, atMs: index, kind: 'cpu', conditions, result: '{}' });
  }
  database.jobs.update('job-3', {}, [], 'claimed');
  database.close();
}

/** Verifies a file as a start of the agent does, with the whole ledger. */
function isSeen(): boolean {
  try {
    const database = openDatabase(path);
    try {
      return database.ledger.check('all').length > 0;
    } finally {
      database.close();
    }
  } catch (error) {
    if (!isAppError(error, 'database-corrupt', 'database-lost', 'unsupported')) throw error;
    return true;
  }
}

test('a flipped bit anywhere is seen, unless every row is still as it was written', () => {
  fillEveryTable();
  const intact = readFileSync(path);
  const mark = readFileSync(`${path}.mark`);
  const content = dump(path);
  fc.assert(
    fc.property(fc.nat(intact.length - 1), fc.nat(7), (offset, bit) => {
      for (const name of names()) rmSync(join(folder, name));
      const flipped = Buffer.from(intact);
      flipped.writeUInt8((flipped[offset] ?? 0) ^ (1 << bit), offset);
      writeFileSync(path, flipped);
      writeFileSync(`${path}.mark`, mark);
      if (isSeen()) return;
      assert.equal(dump(path), content, `byte ${offset}, bit ${bit}`);
    }),
    // Also a bit in the definition of a column, which once ended the start with an error of SQL.
    { numRuns: 150, examples: [[intact.indexOf('tx_hash'), 0]] },
  );
});

test('a bit that flips while a large file is in use pauses with its own fault', async () => {
  fillEveryTable();
  const file = openSync(path, 'r+');
  const text = readFileSync(path);
  const offset = text.indexOf('"charged":"17"');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, offset + 12);
  writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, offset + 12);
  closeSync(file);
  const database = openDatabase(path, { readFirstBytesMax: 4096 });
  await assert.rejects(database.examined, (error) => isAppError(error, 'database-corrupt'));
  assert.equal(database.storage.fault(), 'database-damaged');
  database.storage.check();
  assert.equal(database.storage.fault(), 'database-damaged', 'only another file ends it');
  database.close();
});
