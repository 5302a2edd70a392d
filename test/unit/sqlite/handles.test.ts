/**
 * Goal: a handle for reading cannot write, whatever SQL it is given; a transaction is whole or nothing.
 * Method: both handles on a database in memory.
 * Would break: a read handle that passes writes through, a nested failure that keeps the outer half.
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

test('a read handle refuses to write', () => {
  const { reader, writer } = setUp();
  const write = "INSERT INTO thing VALUES ('a') RETURNING name";
  assert.throws(() => reader.get(write), /read handle/);
  assert.throws(() => reader.all(write), /read handle/);
  assert.throws(() => reader.iterate(write), /read handle/);
  assert.equal(writer.run("INSERT INTO thing VALUES ('b')"), 1);
  assert.deepEqual(reader.all('SELECT name FROM thing'), [{ name: 'b' }]);
  assert.equal(reader.get('SELECT name FROM thing WHERE name = ?', 'a'), null);
});

test('a nested transaction that fails may be caught; an outer one that fails takes all with it', () => {
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

test('a full disk is an expected failure, and what was there before stays', () => {
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
