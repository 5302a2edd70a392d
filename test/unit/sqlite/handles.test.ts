/**
 * Verifies: a read handle can't write, with any SQL; a transaction is all or nothing.
 * Setup: both handles on an in-memory database.
 * Fails if: a read handle passes writes through, or a failed outer transaction keeps its nested writes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openHandles } from '../../../main/adapters/sqlite/handles.ts';
import { isAppError } from '../../../shared/errors.ts';

function setUp() {
  const database = new Database(':memory:');
  database.exec('CREATE TABLE thing (name TEXT)');
  return openHandles(database);
}

test('a read handle rejects statements that write', () => {
  const { reader, writer } = setUp();
  const write = "INSERT INTO thing VALUES ('a') RETURNING name";
  assert.throws(() => reader.get(write), /read handle/);
  assert.throws(() => reader.all(write), /read handle/);
  assert.throws(() => reader.iterate(write), /read handle/);
  assert.equal(writer.run("INSERT INTO thing VALUES ('b')"), 1);
  assert.deepEqual(reader.all('SELECT name FROM thing'), [{ name: 'b' }]);
  assert.equal(reader.get('SELECT name FROM thing WHERE name = ?', 'a'), null);
});

test('a failed nested transaction can be caught, and a failed outer one undoes everything', () => {
  const { reader, writer } = setUp();
  const fail = (): never => {
    throw new Error('stop');
  };
  writer.transaction(() => {
    writer.run("INSERT INTO thing VALUES ('outer')");
    assert.throws(() =>
      writer.transaction(() => {
        writer.run("INSERT INTO thing VALUES ('inner')");
        fail();
      }),
    );
  });
  assert.throws(() =>
    writer.transaction(() => {
      writer.run("INSERT INTO thing VALUES ('lost')");
      writer.transaction(() => writer.run("INSERT INTO thing VALUES ('lost too')"));
      fail();
    }),
  );
  assert.deepEqual(reader.all('SELECT name FROM thing'), [{ name: 'outer' }]);
});

test('a full disk fails with disk-full and keeps earlier data', () => {
  const database = new Database(':memory:');
  database.exec('CREATE TABLE thing (name TEXT)');
  database.pragma('max_page_count = 8');
  const { reader, writer } = openHandles(database);
  writer.run("INSERT INTO thing VALUES ('before')");
  assert.throws(
    () =>
      writer.transaction(() => {
        for (let row = 0; row < 100; row += 1) writer.run('INSERT INTO thing VALUES (?)', 'x'.repeat(1000));
      }),
    (error) => isAppError(error, 'disk-full'),
  );
  assert.deepEqual(reader.all('SELECT name FROM thing'), [{ name: 'before' }]);
});
