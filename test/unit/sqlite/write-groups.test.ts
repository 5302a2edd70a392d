/**
 * Verifies: deferred writes are visible immediately, are committed together, and are on disk when `durable` resolves; any
 * other write commits them with itself; a group that can't be committed is undone as a whole, and every wait for it
 * fails.
 * Setup: a database on disk, its state as another connection sees it, and a log whose flushes the test counts, delays
 * and fails.
 * Fails if: a wait ends before the flush, a write in between is lost or split, a failure of one write undoes
 * another one's, or memory shows what was undone.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { openHandles } from '../../../main/adapters/sqlite/handles.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import type { LogSync } from '../../../main/adapters/sqlite/log-sync.ts';
import { GROUP_MS, groupMsAfter } from '../../../main/adapters/sqlite/write-groups.ts';
import { storageError } from '../../../main/ports/storage.ts';
import { isAppError } from '../../../shared/errors.ts';
import { soldJob } from '../jobs/job-samples.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-groups-'));
  path = join(folder, 'idlewatt.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

function setUp() {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE thing (name TEXT UNIQUE)');
  const other = new Database(path, { readonly: true });
  let flushes = 0;
  let held: PromiseWithResolvers<void> | null = null;
  const log: LogSync = {
    now() {
      flushes += 1;
    },
    async later() {
      flushes += 1;
      await held?.promise;
    },
    close: () => undefined,
  };
  const { writer, groups } = openHandles(database, undefined, log);
  return {
    database,
    writer,
    groups,
    flushes: () => flushes,
    /** Lets flushes in another thread wait until it is resolved or rejected. */
    hold() {
      held = Promise.withResolvers<void>();
      held.promise.catch(() => undefined);
      return held;
    },
    insert: (name: string) => writer.run('INSERT INTO thing VALUES (?)', name),
    /** The rows that another process sees. */
    committed: () => other.prepare('SELECT name FROM thing ORDER BY name').pluck().all(),
    close() {
      other.close();
      database.close();
    },
  };
}

test('deferred writes share one commit and one flush, after which the waits end', async () => {
  const { groups, writer, insert, committed, flushes, hold, close } = setUp();
  const flush = hold();
  groups.defer(() => insert('a'));
  groups.defer(() => writer.transaction(() => insert('b')));
  assert.equal(writer.all('SELECT * FROM thing').length, 2, 'visible immediately');
  assert.deepEqual(committed(), []);
  let told = 0;
  const waiters = [groups.durable(), groups.durable()].map((waiter) => waiter.then(() => (told += 1)));
  while (flushes() === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(committed(), ['a', 'b']);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told, 0, 'no wait ends before the flush');
  flush.resolve();
  await Promise.all(waiters);
  assert.equal(flushes(), 1);
  close();
});

test('a write that is not deferred commits the group with itself', async () => {
  const { groups, insert, committed, flushes, close } = setUp();
  groups.defer(() => insert('a'));
  insert('b');
  assert.deepEqual(committed(), ['a', 'b']);
  assert.equal(flushes(), 1);
  await groups.durable();
  groups.defer(() => insert('c'));
  groups.flush();
  assert.deepEqual(committed(), ['a', 'b', 'c']);
  await groups.durable();
  close();
});

test('a read or a write that changes nothing leaves the group open', () => {
  const { groups, writer, insert, committed, close } = setUp();
  groups.defer(() => insert('a'));
  writer.transaction(() => writer.all('SELECT * FROM thing'));
  assert.equal(writer.run("DELETE FROM thing WHERE name = 'x'"), 0);
  assert.deepEqual(committed(), []);
  groups.flush();
  close();
});

test('a failed write undoes itself and nothing else of its group', async () => {
  const { groups, writer, insert, committed, close } = setUp();
  groups.defer(() => insert('a'));
  const before = groups.rollbacks();
  assert.throws(() =>
    groups.defer(() =>
      writer.transaction(() => {
        insert('b');
        insert('a');
      }),
    ),
  );
  assert.ok(groups.rollbacks() > before);
  groups.defer(() => insert('c'));
  await groups.durable();
  assert.deepEqual(committed(), ['a', 'c']);
  close();
});

test('writes during a flush form the next group, whose wait ends after its own flush', async () => {
  const { groups, insert, committed, flushes, hold, close } = setUp();
  const first = hold();
  groups.defer(() => insert('a'));
  const a = groups.durable();
  while (flushes() === 0) await new Promise((resolve) => setImmediate(resolve));
  groups.defer(() => insert('b'));
  const b = groups.durable();
  const second = hold();
  assert.deepEqual(committed(), ['a']);
  first.resolve();
  await a;
  while (flushes() === 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(committed(), ['a', 'b']);
  second.resolve();
  await b;
  close();
});

test('a failed flush rejects its waiters with an expected error, and later groups work', async () => {
  const { groups, insert, committed, hold, close } = setUp();
  hold().reject(Object.assign(new Error('disk'), { code: 'EIO' }));
  groups.defer(() => insert('a'));
  await assert.rejects(groups.durable(), (error) => isAppError(error, 'disk-unwritable'));
  hold().resolve();
  groups.defer(() => insert('b'));
  await groups.durable();
  assert.deepEqual(committed(), ['a', 'b']);
  close();
});

test('a group that can’t be committed is undone as a whole, its waits fail, and the next one works', async () => {
  const { database, groups, writer, insert, committed, close } = setUp();
  database.exec('CREATE TABLE part (of TEXT REFERENCES thing (name) DEFERRABLE INITIALLY DEFERRED)');
  groups.defer(() => insert('a'));
  // Only the commit notices it.
  groups.defer(() => writer.run("INSERT INTO part VALUES ('missing')"));
  await assert.rejects(groups.durable(), /FOREIGN KEY/);
  assert.deepEqual(writer.all('SELECT name FROM thing'), []);
  groups.defer(() => writer.run("INSERT INTO part VALUES ('missing')"));
  const waiter = groups.durable();
  assert.throws(() => insert('b'), /FOREIGN KEY/, 'the write that commits the group is undone with it');
  await assert.rejects(waiter, /FOREIGN KEY/);
  groups.defer(() => insert('c'));
  await groups.durable();
  assert.deepEqual(committed(), ['c']);
  close();
});

test('a full disk fails the write, and nothing of it is left', async () => {
  const { database, groups, insert, committed, close } = setUp();
  groups.defer(() => insert('a'));
  database.pragma(`max_page_count = ${Number(database.pragma('page_count', { simple: true }))}`);
  assert.throws(
    () => groups.defer(() => insert('x'.repeat(100_000))),
    (error) => isAppError(error, 'disk-full'),
  );
  database.pragma('max_page_count = 1000000');
  await groups.durable().catch(() => undefined);
  groups.defer(() => insert('b'));
  await groups.durable();
  assert.ok(committed().every((name) => name === 'a' || name === 'b'));
  assert.ok(committed().includes('b'));
  close();
});

test('an undone job or shared text is not read back from memory', async () => {
  const database = openDatabase(path);
  database.jobs.insert(soldJob({ id: 'before', model: 'known' }));
  database.durability.defer(() => database.jobs.insert(soldJob({ id: 'a', model: 'new' })));
  const waiter = database.durability.durable();
  assert.throws(() => {
    database.durability.defer(() =>
      database.transaction(() => {
        database.jobs.update('a', { outputTokens: 5 }, []);
        throw storageError('disk-full');
      }),
    );
  });
  await waiter;
  assert.equal(database.jobs.find('a')?.outputTokens, null, 'the undone change is not read back from memory');
  assert.throws(() =>
    database.transaction(() => {
      database.jobs.insert(soldJob({ id: 'b', model: 'undone' }));
      throw new Error('stop');
    }),
  );
  database.jobs.insert(soldJob({ id: 'c', model: 'other' }));
  assert.equal(database.jobs.find('b'), null);
  assert.equal(database.jobs.find('c')?.model, 'other');
  database.close();
  const again = openDatabase(path);
  assert.deepEqual(
    again.jobs.page('', 9).map(({ id, model }) => [id, model]),
    [
      ['a', 'new'],
      ['before', 'known'],
      ['c', 'other'],
    ],
  );
  again.close();
});

test('any mix of deferred, immediate and failing writes ends as if each had been alone', async () => {
  const step = fc.record({
    name: fc.nat(12).map(String),
    isDeferred: fc.boolean(),
    fails: fc.boolean(),
    waits: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      rmSync(path, { force: true });
      for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
      const { groups, writer, insert, committed, close } = setUp();
      const expected = new Set<string>();
      for (const { name, isDeferred, fails, waits } of steps) {
        const write = () =>
          writer.transaction(() => {
            insert(name);
            if (fails) throw new Error('stop');
          });
        const isKept = !fails && !expected.has(name);
        if (isKept) {
          isDeferred ? groups.defer(write) : write();
          expected.add(name);
        } else assert.throws(() => (isDeferred ? groups.defer(write) : write()));
        if (waits) {
          await groups.durable();
          assert.deepEqual(committed(), [...expected].sort());
        }
      }
      groups.flush();
      assert.deepEqual(committed(), [...expected].sort());
      close();
    }),
    { numRuns: 40 },
  );
});

test('a group waits longer where jobs end slowly, and no longer for a client that is alone', () => {
  assert.equal(groupMsAfter(1_000, 1), GROUP_MS, 'alone');
  assert.equal(groupMsAfter(25, 5), 25, '200 jobs per second');
  assert.equal(groupMsAfter(25, 2), 62.5, '80 jobs per second: five of them take so long');
  assert.equal(groupMsAfter(1_000, 2), 80, 'after a pause: at most this');
});

test('the mark is never ahead of the disk', async () => {
  const database = openDatabase(path);
  const line = (value: bigint) =>
    ({ account: 'wallet', assetId: 't', amount: value, channelId: null }) as never;
  const append = (key: string) =>
    database.ledger.append([
      {
        ...{ key, atMs: 1, kind: 'opening', description: '', jobId: null, model: null, peer: null },
        ...{
          txHash: null,
          reverses: null,
          lines: [line(1n), { ...(line(-1n) as object), account: 'equity:opening' }],
        },
      } as never,
    ]);
  append('a');
  const sequence = () => JSON.parse(readFileSync(`${path}.mark`, 'utf8')).sequence;
  assert.equal(sequence(), 1);
  database.durability.defer(() => append('b'));
  assert.equal(sequence(), 1, 'not committed');
  database.storage.check();
  assert.equal(sequence(), 2, 'a check commits what is open first');
  database.durability.defer(() => append('c'));
  database.close();
  assert.equal(sequence(), 3);
});
