/**
 * Verifies: a disk that is full or can't be written fails with its own error and is reported as a fault until a write
 * succeeds again.
 * Setup: a real database, a limit on the size of files, a folder that is mounted read-only; the free room is a number that
 * the test sets.
 * Fails if: such an error is reported as a bug or as damage, a fault stays or ends too early, or running jobs aren't
 * left room to be recorded.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { openHandles } from '../../../main/adapters/sqlite/handles.ts';
import { DISK_ROOM_BYTES } from '../../../main/adapters/sqlite/health.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { storageError, storageFaultOf } from '../../../main/ports/storage.ts';
import { isAppError } from '../../../shared/errors.ts';
import { STORAGE_REASONS } from '../../../shared/presence.ts';
import { onReadOnlyDisk } from '../../fakes/mounts.ts';

const LINUX = { skip: process.platform !== 'linux' };

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-storage-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('each fault has its error, and each error its fault', () => {
  for (const fault of STORAGE_REASONS) assert.equal(storageFaultOf(storageError(fault)), fault);
  for (const [code, fault] of [
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EROFS', 'disk-unwritable'],
    ['EIO', 'disk-unwritable'],
    ['EFBIG', 'disk-unwritable'],
    ['EACCES', null],
  ] as const) {
    assert.equal(storageFaultOf(Object.assign(new Error('x'), { code })), fault, code);
  }
  assert.equal(storageFaultOf(new Error('a bug')), null);
});

test('errors of SQLite about disk and file are expected ones', () => {
  const { writer } = openHandles(new Database(':memory:'));
  for (const [sqlite, code] of [
    ['SQLITE_FULL', 'disk-full'],
    ['SQLITE_READONLY_DBMOVED', 'disk-unwritable'],
    ['SQLITE_IOERR_WRITE', 'disk-unwritable'],
    ['SQLITE_IOERR_FSYNC', 'disk-unwritable'],
    ['SQLITE_CANTOPEN', 'disk-unwritable'],
    ['SQLITE_CORRUPT', 'database-corrupt'],
    ['SQLITE_NOTADB', 'database-corrupt'],
  ] as const) {
    assert.throws(
      () =>
        writer.transaction(() => {
          throw new Database.SqliteError('x', sqlite);
        }),
      (error) => isAppError(error, code),
      sqlite,
    );
  }
});

test('pauses while there is little room, so that running jobs can be recorded, and resumes at more', () => {
  let free: number = DISK_ROOM_BYTES.pauseBelow;
  const database = openDatabase(path, { freeBytes: () => free });
  const faults: (string | null)[] = [];
  const unsubscribe = database.storage.onChange((fault) => faults.push(fault));
  database.storage.check();
  assert.equal(database.storage.fault(), null);
  free = DISK_ROOM_BYTES.pauseBelow - 1;
  database.storage.check();
  database.records.set('job', 'running', '"its end is recorded"');
  free = DISK_ROOM_BYTES.resumeAbove - 1;
  database.storage.check();
  assert.deepEqual(faults, ['disk-full']);
  free = DISK_ROOM_BYTES.resumeAbove;
  database.storage.check();
  assert.deepEqual(faults, ['disk-full', null]);
  unsubscribe();
  free = 0;
  database.storage.check();
  assert.equal(faults.length, 2);
  database.close();
});

test('a failure of the disk elsewhere is a fault immediately, and a check ends it once a write succeeds', () => {
  const database = openDatabase(path);
  database.storage.note(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
  assert.equal(database.storage.fault(), 'disk-full');
  database.storage.check();
  assert.equal(database.storage.fault(), null);
  assert.equal(database.storage.note(new Error('a bug')), false);
  assert.equal(database.storage.fault(), null);
  database.close();
});

test(
  'a limit on the size of files fails every write, which is noticed, and the mark never runs ahead',
  LINUX,
  () => {
    const adapter = JSON.stringify(join(import.meta.dirname, '../../../main/adapters/sqlite/index.ts'));
    const program = `
    import { execFileSync } from 'node:child_process';
    import { openDatabase } from ${adapter};
    const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + bytes + ':unlimited']);
    const database = openDatabase(${JSON.stringify(path)});
    const said = [];
    const write = () => {
      try { database.records.set('a', 'b', String(said.length)); said.push('written'); } catch (error) { said.push(error.code); }
    };
    database.storage.onChange((fault) => said.push(fault));
    write();
    limit(1);
    write();
    // Still: a check that believed it would end the pause again and again.
    database.storage.check();
    said.push(database.storage.fault());
    limit('unlimited');
    database.storage.check();
    write();
    database.close();
    process.stdout.write(JSON.stringify(said));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), [
      'written',
      ...['disk-unwritable', 'disk-unwritable', 'disk-unwritable'],
      ...[null, 'written'],
    ]);
    assert.match(readFileSync(`${path}.mark`, 'utf8'), /"sequence":0/);
  },
);

test('a database on a read-only file system fails as unwritable, not as damaged', LINUX, () => {
  const home = join(folder, 'home');
  mkdirSync(home);
  openDatabase(join(home, 'idlewatt.db')).close();
  const adapter = JSON.stringify(join(import.meta.dirname, '../../../main/adapters/sqlite/index.ts'));
  const program = `
    import { openDatabase } from ${adapter};
    try { openDatabase(${JSON.stringify(join(home, 'idlewatt.db'))}); } catch (error) { console.log(error.code); }`;
  const run = [process.execPath, '--input-type=module', '--eval', program];
  const [command = '', ...argv] = [...onReadOnlyDisk(home), ...run];
  const { stdout, stderr } = spawnSync(command, argv, { encoding: 'utf8' });
  assert.equal(stdout, 'disk-unwritable\n', stderr);
});
