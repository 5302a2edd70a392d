/**
 * Verifies: a ledger altered by hand or by a failing disk is detected to the last unit.
 * Setup: with the triggers removed, the file is changed without the program; then the ledger verifies itself.
 * Fails if: the verification trusts the running balances or adds up only totals.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from '../jobs/job-samples.ts';

/** Records two jobs, runs the SQL on the file directly, and verifies. */
function verifyAfter(sql: string): () => void {
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'idlewatt-verify-'));
    const path = join(folder, 'idlewatt.db');
    const open = () => {
      const database = openDatabase(path);
      const parts = { store: database.ledger, clock: manualClock(0), calendar: createCalendar('UTC') };
      return { database, ledger: createLedger(parts) };
    };
    const first = open();
    first.ledger.jobCharged(soldJob({ id: 'a', charged: '700', cumulative: '700' }));
    first.ledger.jobCharged(soldJob({ id: 'b', charged: '41', cumulative: '741' }));
    first.database.close();
    const bare = new Database(path);
    bare.exec('DROP TRIGGER ledger_posting_no_update; DROP TRIGGER ledger_posting_no_delete;');
    bare.exec(sql);
    bare.close();
    const second = open();
    try {
      second.ledger.verifyBalanced();
    } finally {
      second.database.close();
      rmSync(folder, { recursive: true });
    }
  };
}

test('an unaltered ledger verifies', () => {
  assert.doesNotThrow(verifyAfter(''));
});

for (const [what, sql] of [
  ['a line changed by one unit', 'UPDATE ledger_posting SET lines = replace(lines, \'"700"\', \'"701"\')'],
  ['a deleted line', "UPDATE ledger_posting SET lines = json_remove(lines, '$[1]') WHERE sequence = 2"],
  ['lines that are not a list', "UPDATE ledger_posting SET lines = '{}' WHERE sequence = 2"],
  [
    'an amount that is not a number',
    `UPDATE ledger_posting SET lines = json_set(lines, '$[0][2]', 'much') WHERE sequence = 2`,
  ],
  ['a deleted entry, which leaves the rest in balance', 'DELETE FROM ledger_posting WHERE sequence = 2'],
  ['a stored balance of no entries', "INSERT INTO ledger_balance VALUES ('channels:owed', 'token', '742')"],
  [
    'both lines of an entry changed together',
    "UPDATE ledger_posting SET lines = replace(lines, '700\"', '701\"')",
  ],
  [
    'an amount moved to another account',
    "UPDATE ledger_posting SET lines = json_set(lines, '$[0][0]', kind)",
  ],
] as const) {
  test(`detects ${what}`, () => {
    assert.throws(verifyAfter(sql), (error) => isAppError(error, 'database-corrupt'));
  });
}
