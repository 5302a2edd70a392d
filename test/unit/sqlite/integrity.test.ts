/**
 * Goal: a damaged database is refused and stays byte for byte what it was; a whole one survives a crash.
 * Method: real files: cut, overwritten, of another program, of a newer version, and with a hot write-ahead
 * log left by a process that was killed in the middle.
 * Would break: any write, truncation or log recovery before the check has passed.
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

/** Name and hash of every file that holds data; the shared-memory index is rebuilt by every reader. */
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

function refusal(): AppError {
  const before = contents();
  let refused: AppError | null = null;
  assert.throws(
    () => openDatabase(path),
    (error) => {
      if (isAppError(error, 'database-corrupt')) refused = error;
      return refused !== null;
    },
  );
  assert.deepEqual(contents(), before, 'the files are untouched');
  assert.ok(refused);
  return refused;
}

test('a page overwritten with noise', () => {
  fill();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096 * 3, 0xa5), 0, 4096 * 3, 4096 * 8);
  const { message } = refusal();
  assert.match(message, /left untouched/);
  assert.match(message, new RegExp(`put your own backup at ${path}`));
});

test('a file cut short', () => {
  fill();
  truncateSync(path, Math.floor(statSync(path).size / 2));
  refusal();
});

test('a file that is no database at all', () => {
  writeFileSync(path, 'these are notes, and they are not yours');
  refusal();
});

test('a database of another program', () => {
  const other = new Database(path);
  other.exec('CREATE TABLE recipe (name TEXT)');
  other.close();
  refusal();
});

test('the message names the backup that lies beside it, and restoring it works', () => {
  fill();
  openDatabase(path).close();
  assert.ok(existsSync(`${path}.backup`));
  truncateSync(path, 5000);
  const { message, details } = refusal();
  assert.match(message, new RegExp(`copy ${path}.backup to ${path}`));
  assert.equal(details.backup, `${path}.backup`);
  for (const name of ['', '-wal', '-shm']) rmSync(`${path}${name}`, { force: true });
  copyFileSync(`${path}.backup`, path);
  const restored = openDatabase(path);
  assert.equal(restored.records.list('test').length, 300);
  restored.close();
});

test('a database of a newer version is refused and untouched', () => {
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

/** A process that writes without end and is killed: its last writes stand in the log only. */
async function crashInTheMiddle(): Promise<number> {
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

test('after kill -9 nothing that was acknowledged is missing', async () => {
  const last = await crashInTheMiddle();
  assert.ok(statSync(`${path}-wal`).size > 0, 'the crash left a write-ahead log');
  const database = openDatabase(path);
  const records = database.records.list('crash');
  assert.ok(records.length >= last + 1, `${records.length} of ${last + 1}`);
  assert.deepEqual(database.ledger.check('all'), []);
  database.close();
});

test('damage beneath a hot write-ahead log leaves both files untouched', async () => {
  fill();
  await crashInTheMiddle();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096 * 12, 0xa5), 0, 4096 * 12, 4096 * 6);
  refusal();
});

test('a large file is opened at once, read in the background, and copied only when it is whole', async () => {
  fill();
  const opened = openDatabase(path, { readAtOnceBytesMax: 4096 });
  await opened.examined;
  assert.equal(opened.records.list('test').length, 300);
  opened.close();
  assert.ok(existsSync(`${path}.backup`), 'a whole one is copied');
  const copy = readFileSync(`${path}.backup`);
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096 * 3, 0xa5), 0, 4096 * 3, 4096 * 8);
  utimesSync(`${path}.backup`, 0, 0);
  const damaged = openDatabase(path, { readAtOnceBytesMax: 4096 });
  await assert.rejects(damaged.examined, (error) => isAppError(error, 'database-corrupt'));
  damaged.close();
  assert.deepEqual(readFileSync(`${path}.backup`), copy, 'a damaged one takes no copy’s place');
});

test('a large file cut short is refused before it is opened', () => {
  fill();
  truncateSync(path, Math.floor(statSync(path).size / 2));
  const before = contents();
  assert.throws(
    () => openDatabase(path, { readAtOnceBytesMax: 4096 }),
    (error) => isAppError(error, 'database-corrupt'),
  );
  assert.deepEqual(contents(), before);
});

test('a file that another program holds is not called damaged, while it is opened or written to', () => {
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

test('the database and its backup are readable by their owner only', () => {
  fill(1);
  openDatabase(path).close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(`${path}.backup`).mode & 0o777, 0o600);
});
