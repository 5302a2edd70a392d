/**
 * Verifies: the copies from before each schema version are limited, and an earlier program goes back to one of them only
 * as its owner accepts the loss, with the later database kept.
 * Setup: real files; a migration of "tomorrow" makes a database that today's program can't read, as a later one would.
 * Fails if: the newest copy is deleted, a later database is called damaged or changed, a lost entry isn't counted, or an
 * interrupted way back leaves a database that no program opens.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import { findWayBack, goBack, type OpenDatabase, openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { writeMark } from '../../../main/adapters/sqlite/ledger-mark.ts';
import { MIGRATIONS, NEWEST_VERSION } from '../../../main/adapters/sqlite/migrations.ts';
import { dropOldVersionCopies, versionBackupPath } from '../../../main/adapters/sqlite/version-copies.ts';
import { run } from '../../../main/agent-commands/rollback.ts';
import { forceUnwrap } from '../../../shared/assert.ts';
import { amount } from '../../../shared/money.ts';

const TOMORROW = {
  migrations: [
    ...MIGRATIONS,
    { version: NEWEST_VERSION + 1, sql: 'CREATE TABLE later (id INTEGER) STRICT;' },
  ],
};

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-copies-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

function append(database: OpenDatabase, key: string): void {
  const line = { assetId: 'token', channelId: null };
  const lines = [
    { account: 'wallet', amount: amount(5n), ...line },
    { account: 'equity:opening', amount: amount(-5n), ...line },
  ] as const;
  const about = { kind: 'opening', description: 'a test', jobId: null, model: null, peer: null } as const;
  database.ledger.append([{ key, atMs: 900_000, ...about, txHash: null, reverses: null, lines: [...lines] }]);
}

/** A database with one entry from today, opened by tomorrow's program, which adds others. */
function upgrade(later: number): void {
  const today = openDatabase(path);
  append(today, 'today');
  today.records.set('channels', 'a', '{"voucher": 1}');
  today.close();
  const tomorrow = openDatabase(path, TOMORROW);
  for (let index = 0; index < later; index += 1) append(tomorrow, `tomorrow-${index}`);
  tomorrow.close();
}

test('keeps three copies of earlier versions, and the newest however large it is', () => {
  const write = (version: number, bytes: number) =>
    writeFileSync(versionBackupPath(path, version), Buffer.alloc(bytes));
  for (const version of [2, 9, 10, 11]) write(version, 10);
  writeFileSync(`${path}.backup-v9.kept-3-1`, 'other content');
  writeFileSync(`${path}.backup`, '');
  const names = () =>
    readdirSync(folder)
      .sort()
      .map((name) => name.slice('idlewatt.db.backup'.length));
  dropOldVersionCopies(path);
  assert.deepEqual(names(), ['', '-v10', '-v11', '-v9', '-v9.kept-3-1']);
  dropOldVersionCopies(path, { count: 3, bytes: 20 });
  assert.deepEqual(names(), ['', '-v10', '-v11', '-v9.kept-3-1']);
  dropOldVersionCopies(path, { count: 3, bytes: 5 });
  assert.deepEqual(names(), ['', '-v11', '-v9.kept-3-1']);
});

test('a migration drops the copies beyond the limit, after it succeeded', () => {
  for (const version of [1, 2, 3]) writeFileSync(versionBackupPath(path, version), 'copy');
  const today = openDatabase(path);
  today.close();
  const failing = [...MIGRATIONS, { version: NEWEST_VERSION + 1, sql: 'CREATE TABLE job (id INTEGER);' }];
  assert.throws(() => openDatabase(path, { migrations: failing }));
  assert.ok(existsSync(versionBackupPath(path, 1)));
  openDatabase(path, TOMORROW).close();
  const left = [1, 2, 3, NEWEST_VERSION].filter((version) => existsSync(versionBackupPath(path, version)));
  assert.deepEqual(left, [2, 3, NEWEST_VERSION]);
});

test('an earlier program leaves a later database alone, and names what the way back would lose', () => {
  upgrade(2);
  assert.throws(() => openDatabase(path), {
    code: 'unsupported',
    message: /written by a newer version.*rollback: 2 ledger entries since then would be lost/,
  });
  // Nor is it called damaged if this program can't read its rows.
  const later = new Database(path);
  later.exec('ALTER TABLE job RENAME COLUMN id TO name');
  later.close();
  assert.throws(() => openDatabase(path), { code: 'unsupported' });
  rmSync(versionBackupPath(path, NEWEST_VERSION));
  assert.throws(() => openDatabase(path), { code: 'unsupported', message: /Install that version again\.$/ });
  assert.equal(findWayBack(path, NEWEST_VERSION), null);
});

test('goes back to the copy, and the later database continues in its new place', async (context) => {
  context.mock.method(console, 'log', () => undefined);
  upgrade(0);
  assert.equal(await run(['--home', folder]), 0);
  const today = openDatabase(path);
  assert.equal(today.ledger.balances().length, 2);
  assert.equal(today.records.get('channels', 'a'), '{"voucher": 1}');
  append(today, 'again');
  today.close();
  const keptIn = forceUnwrap(
    'the kept database',
    readdirSync(folder).find((name) => name.startsWith('before-rollback-')),
  );
  openDatabase(join(folder, keptIn, 'idlewatt.db'), TOMORROW).close();
  await assert.rejects(run(['--home', folder]), { code: 'unsupported' }, 'there is nothing to go back from');
  // The later program takes it over again.
  openDatabase(path, TOMORROW).close();
});

test('loses ledger entries only if the owner accepts as many', async (context) => {
  context.mock.method(console, 'log', () => undefined);
  upgrade(3);
  for (const accepted of [[], ['--accept-loss', '2']]) {
    await assert.rejects(run(['--home', folder, ...accepted]), {
      code: 'bad-request',
      message: /3 ledger entries/,
    });
  }
  openDatabase(path, TOMORROW).close();
  rmSync(`${path}.mark`);
  await assert.rejects(
    run(['--home', folder, '--accept-loss', '3']),
    { code: 'not-found' },
    'nothing proves which copy',
  );
  openDatabase(path, TOMORROW).close();
  assert.equal(await run(['--home', folder, '--accept-loss', '3']), 0);
  const today = openDatabase(path);
  append(today, 'after');
  today.close();
  openDatabase(path).close();
});

test('another database’s copy is no way back', () => {
  upgrade(0);
  const copy = versionBackupPath(path, NEWEST_VERSION);
  rmSync(copy);
  openDatabase(copy).close();
  assert.equal(findWayBack(path, NEWEST_VERSION), null);
});

test('interrupted before the last step, the later program opens its database, and the way back can be gone again', () => {
  upgrade(1);
  // The database itself can't be replaced any more.
  const [wayBack, before] = [
    forceUnwrap('a way back', findWayBack(path, NEWEST_VERSION)),
    readFileSync(`${path}.mark`, 'utf8'),
  ];
  mkdirSync(`${path}.mark.part`);
  assert.throws(() => goBack(path, wayBack, join(folder, 'kept')));
  assert.equal(readFileSync(`${path}.mark`, 'utf8'), before);
  rmdirSync(`${path}.mark.part`);
  // As if it ended between the mark and the database.
  writeMark(path, wayBack.mark, true);
  assert.notEqual(readFileSync(`${path}.mark`, 'utf8'), before);
  assert.equal(findWayBack(path, NEWEST_VERSION)?.entriesLost, 1, 'counted from the database, too');
  openDatabase(path, TOMORROW).close();
  goBack(path, wayBack, join(folder, 'kept-again'));
  openDatabase(path).close();
});
