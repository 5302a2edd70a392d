/**
 * Verifies: a damaged database is rejected and stays unchanged byte for byte; an intact one survives a crash.
 * Setup: real files: truncated, overwritten, of another program, of a newer version, and with a hot write-ahead log
 * left by a process that was killed while writing.
 * Fails if: anything writes, truncates or recovers the log before the check has passed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { type AppError, isAppError } from '../../../shared/errors.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-sqlite-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Returns name and hash of every file with data, except the shared-memory index, which every reader rebuilds. */
function contents(): string[] {
  return readdirSync(folder)
    .filter((name) => !name.endsWith('-shm') && statSync(join(folder, name)).size > 0)
    .sort()
    .map(
      (name) =>
        `${name} ${createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex')}`,
    );
}

function fill(records = 300): void {
  const database = openDatabase(path);
  database.transaction(() => {
    for (let index = 0; index < records; index += 1) {
      database.records.set('test', `key-${index}`, JSON.stringify('x'.repeat(200)));
    }
  });
  database.close();
}

function assertRejected(): AppError {
  const before = contents();
  let rejection: AppError | null = null;
  assert.throws(
    () => openDatabase(path),
    (error) => {
      if (isAppError(error, 'database-corrupt')) rejection = error;
      return rejection !== null;
    },
  );
  assert.deepEqual(contents(), before, 'the files are unchanged');
  assert.ok(rejection);
  return rejection;
}

test('rejects a file with an overwritten page', () => {
  fill();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096 * 3, 0xa5), 0, 4096 * 3, 4096 * 8);
  const { message } = assertRejected();
  assert.match(message, /left untouched/);
  assert.match(message, new RegExp(`put your own backup at ${path}`));
});

test('rejects a truncated file', () => {
  fill();
  truncateSync(path, Math.floor(statSync(path).size / 2));
  assertRejected();
});

test('rejects a file that is not a database', () => {
  writeFileSync(path, 'these are notes of another program');
  assertRejected();
});

test('rejects a database of another program', () => {
  const other = new Database(path);
  other.exec('CREATE TABLE recipe (name TEXT)');
  other.close();
  assertRejected();
});

test('names the backup next to the database, and restoring it works', () => {
  fill();
  openDatabase(path).close();
  assert.ok(existsSync(`${path}.backup`));
  truncateSync(path, 5000);
  const { message, details } = assertRejected();
  assert.match(message, new RegExp(`copy ${path}.backup to ${path}`));
  assert.equal(details.backup, `${path}.backup`);
  for (const name of ['', '-wal', '-shm']) rmSync(`${path}${name}`, { force: true });
  copyFileSync(`${path}.backup`, path);
  const restored = openDatabase(path);
  assert.equal(restored.records.list('test').length, 300);
  restored.close();
});

test('rejects a database of a newer version and leaves it unchanged', () => {
  fill(1);
  const newer = new Database(path);
  newer.pragma('user_version = 999');
  newer.pragma('wal_checkpoint(TRUNCATE)');
  newer.close();
  const before = contents();
  assert.throws(
    () => openDatabase(path),
    (error) => isAppError(error, 'unsupported'),
  );
  assert.deepEqual(contents(), before);
});

/** Kills a process that writes without end, so that its last writes are in the log only. Returns its last record. */
async function crashWhileWriting(): Promise<number> {
  const program = `
    import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../../main/adapters/sqlite/index.ts'))};
    const database = openDatabase(${JSON.stringify(path)});
    for (let index = 0; ; index += 1) {
      database.records.set('crash', String(index).padStart(6, '0'), JSON.stringify('x'.repeat(500)));
      process.stdout.write(index + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let written = '';
  for await (const chunk of child.stdout) {
    written += String(chunk);
    if (written.split('\n').length > 60) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const complete = written.slice(0, written.lastIndexOf('\n')).split('\n');
  return Number(complete.at(-1));
}

test('keeps every acknowledged write after kill -9', async () => {
  const last = await crashWhileWriting();
  assert.ok(statSync(`${path}-wal`).size > 0, 'the crash left a write-ahead log');
  const database = openDatabase(path);
  const records = database.records.list('crash');
  assert.ok(records.length >= last + 1, `${records.length} of ${last + 1}`);
  assert.deepEqual(database.ledger.check('all'), []);
  database.close();
});

test('rejects a damaged file with a hot write-ahead log and leaves both unchanged', async () => {
  fill();
  await crashWhileWriting();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096 * 12, 0xa5), 0, 4096 * 12, 4096 * 6);
  assertRejected();
});

test('opens a large file immediately, reads it in the background and copies it only if it is intact', async () => {
  fill();
  const opened = openDatabase(path, { readFirstBytesMax: 4096 });
  await opened.examined;
  assert.equal(opened.records.list('test').length, 300);
  opened.close();
  assert.ok(existsSync(`${path}.backup`), 'an intact file is copied');
  const copy = readFileSync(`${path}.backup`);
  const file = openSync(path, 'r+');
  // The records, not the definitions, which every start reads.
  writeSync(file, Buffer.alloc(4096 * 3, 0xa5), 0, 4096 * 3, statSync(path).size - 4096 * 5);
  utimesSync(`${path}.backup`, 0, 0);
  const damaged = openDatabase(path, { readFirstBytesMax: 4096 });
  await assert.rejects(damaged.examined, (error) => isAppError(error, 'database-corrupt'));
  damaged.close();
  assert.deepEqual(readFileSync(`${path}.backup`), copy, 'a damaged file doesn’t replace the copy');
});

test('rejects a truncated large file before opening it', () => {
  fill();
  truncateSync(path, Math.floor(statSync(path).size / 2));
  const before = contents();
  assert.throws(
    () => openDatabase(path, { readFirstBytesMax: 4096 }),
    (error) => isAppError(error, 'database-corrupt'),
  );
  assert.deepEqual(contents(), before);
});

test('reports a file that another program has locked as in use, not as damaged, on open and on write', () => {
  fill(3);
  const other = new Database(path);
  other.pragma('locking_mode = EXCLUSIVE');
  other.exec('BEGIN EXCLUSIVE');
  const held = (error: unknown) => isAppError(error, 'home-in-use');
  assert.throws(() => openDatabase(path, { lockTimeoutMs: 0 }), held);
  other.close();
  const database = openDatabase(path, { lockTimeoutMs: 0 });
  const browser = new Database(path);
  browser.exec('BEGIN IMMEDIATE');
  assert.throws(() => database.records.set('test', 'a', '1'), held);
  assert.equal(database.records.get('test', 'a'), null);
  browser.close();
  database.records.set('test', 'a', '1');
  database.close();
});

test('makes the database and its backup readable by their owner only', () => {
  fill(1);
  openDatabase(path).close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(`${path}.backup`).mode & 0o777, 0o600);
});
