/**
 * Verifies: records that change often are stored next to each other, and lose nothing by it.
 * Setup: a database on disk with records that change with each job among large ones that don't; also after it was
 * rewritten, which numbers the rows again.
 * Fails if: each of them keeps a page of its own, a record is lost or changed when it moves, or one that hardly changes
 * moves.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';

const CHANNELS = ['a', 'b', 'c', 'd'];
const CHANGES = 40;

test('records that change often move next to each other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-records-'));
  const path = join(folder, 'idlewatt.db');
  const inOrder = () => {
    const database = new Database(path);
    const keys = database
      .prepare("SELECT key FROM record WHERE collection <> 'storage' ORDER BY rowid")
      .pluck()
      .all();
    database.exec('VACUUM');
    database.close();
    return keys;
  };
  const large = JSON.stringify('x'.repeat(1_500));
  for (const round of [1, 2]) {
    // A file of any size is read in full and compared with its checksums.
    const { records, transaction, close } = openDatabase(path);
    for (const channel of CHANNELS) {
      if (round === 1) records.set('terms', `${channel} terms`, large);
      records.set('channel', channel, '0');
    }
    if (round === 1) assert.equal(inOrder().indexOf('b'), 3);
    transaction(() => {
      for (let change = 1; change <= CHANGES; change += 1) {
        for (const channel of CHANNELS) records.set('channel', channel, String(change * round));
      }
    });
    assert.deepEqual(
      records.list('channel'),
      CHANNELS.map((key) => ({ key, value: String(CHANGES * round) })),
    );
    assert.deepEqual(
      records.list('terms').map(({ value }) => value),
      CHANNELS.map(() => large),
    );
    close();
    assert.deepEqual(inOrder().slice(0, CHANNELS.length).sort(), CHANNELS);
  }
  rmSync(folder, { recursive: true });
});
