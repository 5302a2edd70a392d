/**
 * Verifies: any change to the stored ledger that bypasses the program is found, and the entry is named.
 * Setup: random ledgers on disk; with the triggers removed, one random cell of one random row is changed or a row
 * is deleted; then everything is verified from the first entry. Sums are compared with a naive count.
 * Fails if: the hash leaves out a field, a check stops at totals, a sum drifts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { openHandles } from '../../../main/adapters/sqlite/handles.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { CHECKPOINT_EVERY } from '../../../main/adapters/sqlite/ledger-check.ts';
import { openLedgerStore } from '../../../main/adapters/sqlite/ledger-store.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger, type PostingRequest } from '../../../main/core/ledger/index.ts';
import type { LedgerProblem } from '../../../main/ports/ledger.ts';
import { isVisitor, VISITOR_PREFIX } from '../../../shared/customers.ts';
import { isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

const TOKEN = 'eip155:31337/0x01';
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 12);

function open(path: string, timeZone = 'UTC') {
  const database = openDatabase(path);
  const clock = manualClock(NOW);
  return {
    database,
    ledger: createLedger({ store: database.ledger, clock, calendar: createCalendar(timeZone) }),
  };
}

function sale(id: number, value: bigint, ageMs = 0): PostingRequest {
  return {
    key: `job:${id}:charged`,
    atMs: NOW - ageMs,
    kind: 'job-charged',
    description: 'Served a model',
    jobId: `${id}`,
    model: `model-${id % 3}`,
    // Some are visitors of the storefront.
    peer: `${id % 4 === 3 ? VISITOR_PREFIX : 'peer-'}${id % 4}`,
    lines: [
      { account: 'channels:owed', assetId: TOKEN, amount: amount(value), channelId: `0x${id % 5}` },
      { account: 'income:jobs', assetId: TOKEN, amount: amount(-value), channelId: `0x${id % 5}` },
    ],
  };
}

/** Returns the problems found after this SQL ran on the ledger of `count` sales. */
function problemsAfter(count: number, sql: string): readonly LedgerProblem[] {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-chain-'));
  const path = join(folder, 'idlewatt.db');
  try {
    const first = open(path);
    first.ledger.postAll(Array.from({ length: count }, (_, index) => sale(index + 1, 100n + BigInt(index))));
    first.database.close();
    const bare = new Database(path);
    const triggers = bare.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all();
    for (const name of triggers) bare.exec(`DROP TRIGGER ${String(name)}`);
    bare.exec(sql);
    bare.close();
    const second = open(path);
    const problems = second.ledger.problems();
    second.database.close();
    return problems;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const cell = fc.constantFrom(
  "ledger_posting SET key = 'other'",
  'ledger_posting SET at_ms = at_ms + 1',
  'ledger_posting SET kind = description',
  'ledger_posting SET description = kind',
  "ledger_posting SET job = 'other'",
  'ledger_posting SET model = kind',
  'ledger_posting SET peer = NULL',
  "ledger_posting SET tx_hash = '0x01'",
  'ledger_posting SET hash = NULL',
  `ledger_posting SET hash = x'${'a'.repeat(64)}'`,
  "ledger_posting SET lines = json_set(lines, '$[0][0]', kind)",
  "ledger_posting SET lines = json_set(lines, '$[1][1]', kind)",
  "ledger_posting SET lines = json_set(lines, '$[0][2]', '9')",
  "ledger_posting SET lines = json_set(lines, '$[0][2]', '0' || (lines ->> '$[0][2]'))",
  "ledger_posting SET lines = json_set(lines, '$[1][3]', kind)",
  'ledger_posting SET lines = json_array(lines -> 1, lines -> 0)',
  "ledger_posting SET lines = json_remove(lines, '$[0]')",
  "ledger_posting SET lines = '[]'",
  "ledger_posting SET lines = lines || ' '",
);

test('finds any changed cell of any row at its entry', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), cell, (count, pick, change) => {
      const victim = (pick % count) + 1;
      const found = problemsAfter(count, `UPDATE ${change} WHERE sequence = ${victim}`);
      assert.ok(
        found.some(({ sequence }) => sequence === victim || sequence === victim + 1),
        JSON.stringify(found),
      );
      if (!change.includes('hash =') || change.includes('NULL')) assert.equal(found[0]?.sequence, victim);
    }),
    { numRuns: 30 },
  );
});

test('reports deleted entries, in the middle and at the end', () => {
  const remove = (sequence: number) => `DELETE FROM ledger_posting WHERE sequence = ${sequence}`;
  assert.match(problemsAfter(5, remove(2))[0]?.what ?? '', /Entries 2 to 2 are missing/);
  assert.match(problemsAfter(5, remove(5))[0]?.what ?? '', /newest entries are missing: 5 were written, 4/);
});

test('compares each running sum with its entries', () => {
  // Enough entries for the sums to be stored.
  const found = (sql: string) => problemsAfter(CHECKPOINT_EVERY, sql).map(({ what }) => what);
  assert.match(found("UPDATE ledger_balance SET amount = '1'")[0] ?? '', /running balance of channels:owed/);
  assert.match(
    found("DELETE FROM ledger_channel_sum WHERE channel_id = '0x1'")[0] ?? '',
    /running sum of channel/,
  );
  assert.match(found('UPDATE ledger_flow SET jobs = jobs + 1')[0] ?? '', /running flow/);
  assert.match(found('DELETE FROM ledger_checkpoint')[0] ?? '', /running balance of channels:owed/);
  assert.match(found("UPDATE ledger_checkpoint SET balances = '{}'")[0] ?? '', /checkpoint of channels:owed/);
  assert.deepEqual(found(''), []);
});

test('a start verifies only entries after the last checkpoint, and everything on demand', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-chain-'));
  const path = join(folder, 'idlewatt.db');
  const change = (sequence: number, value: string) => {
    const bare = new Database(path);
    bare.exec('DROP TRIGGER IF EXISTS ledger_posting_no_update');
    const changed = `json_set(lines, '$[0][2]', '${value}')`;
    bare.exec(`UPDATE ledger_posting SET lines = ${changed} WHERE sequence = ${sequence}`);
    bare.close();
  };
  const first = open(path);
  first.ledger.postAll(Array.from({ length: CHECKPOINT_EVERY + 10 }, (_, index) => sale(index + 1, 5n)));
  first.ledger.postAll([sale(0, 5n)]);
  first.database.close();
  const newest = CHECKPOINT_EVERY + 11;

  change(newest, '6');
  const second = open(path);
  assert.throws(
    () => second.ledger.verifyBalanced(),
    (error) => isAppError(error, 'database-corrupt') && error.details.sequence === newest,
  );
  second.database.close();

  change(newest, '5');
  change(7, '6');
  const third = open(path);
  assert.doesNotThrow(() => third.ledger.verifyBalanced(), 'it lies before the checkpoint');
  assert.equal(third.ledger.problems()[0]?.sequence, 7);
  third.database.close();
  rmSync(folder, { recursive: true });
});

test('on a full disk a batch fails as a whole, and recording resumes when there is space again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-chain-'));
  const path = join(folder, 'idlewatt.db');
  const writer = openHandles(fullAfter(path, 4)).writer;
  const store = openLedgerStore(writer);
  const ledger = createLedger({ store, clock: manualClock(NOW), calendar: createCalendar('UTC') });
  let booked = 0;
  const bookBatch = () => {
    ledger.postAll(Array.from({ length: 20 }, (_, index) => sale(booked + index + 1, 5n)));
    booked += 20;
  };
  assert.throws(
    () => {
      for (;;) bookBatch();
    },
    (error) => isAppError(error, 'disk-full'),
  );
  assert.equal(ledger.balance('channels:owed', TOKEN), 5n * BigInt(booked), 'the failed batch left nothing');
  assert.deepEqual(ledger.problems(), []);
  writer.all('PRAGMA max_page_count = 100000');
  bookBatch();
  assert.deepEqual(ledger.problems(), []);
  rmSync(folder, { recursive: true });
});

/** Opens the database in a file that may grow by this many pages. */
function fullAfter(path: string, pages: number): Database.Database {
  openDatabase(path).close();
  const database = new Database(path);
  const size = Number(database.pragma('page_count', { simple: true }));
  database.pragma(`max_page_count = ${size + pages}`);
  return database;
}

test('reports by day, model, peer and source of jobs equal a naive count in every time zone', () => {
  const entry = fc.record({
    value: fc.bigInt(1n, 10n ** 20n),
    ageMs: fc.integer({ min: 0, max: 9 * DAY_MS }),
  });
  const zone = fc.constantFrom(
    'UTC',
    'Asia/Kathmandu',
    'America/St_Johns',
    'Pacific/Chatham',
    'Europe/Berlin',
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), zone, (entries, timeZone) => {
      const { database, ledger } = open(':memory:', timeZone);
      const sales = entries.map(({ value, ageMs }, index) => sale(index + 1, value, ageMs));
      ledger.postAll(sales);
      const calendar = createCalendar(timeZone);
      const sums = (nameOf: (request: PostingRequest) => string, requests: readonly PostingRequest[]) => {
        const result = new Map<string, bigint>();
        for (const request of requests) {
          const name = nameOf(request);
          result.set(name, (result.get(name) ?? 0n) + (request.lines[0]?.amount ?? 0n));
        }
        return Object.fromEntries([...result].sort());
      };
      const days = ledger.earningsByDay(TOKEN, 'coin', 5);
      const fromMs = calendar.startOfDay(NOW) - 4 * DAY_MS;
      const recent = sales.filter(({ atMs }) => atMs >= fromMs);
      const reported = (rows: readonly { earned: bigint }[], nameOf: (row: never) => string) =>
        Object.fromEntries(
          rows
            .filter(({ earned }) => earned > 0n)
            .map((row) => [nameOf(row as never), row.earned] as const)
            .sort(),
        );
      assert.deepEqual(
        reported(days, ({ day }: { day: string }) => day),
        sums(({ atMs }) => calendar.day(atMs), recent),
      );
      assert.deepEqual(
        reported(ledger.earningsByModel(TOKEN, 5), ({ model }: { model: string }) => model),
        sums(({ model }) => String(model), recent),
      );
      assert.deepEqual(
        reported(ledger.earningsByPeer(TOKEN, 5), ({ peer }: { peer: string }) => peer),
        sums(({ peer }) => String(peer), recent),
      );
      const isResold = ({ peer }: PostingRequest) => isVisitor(peer ?? '');
      const totalOf = (requests: readonly PostingRequest[]) => ({
        earned: requests.reduce((sum, { lines }) => sum + (lines[0]?.amount ?? 0n), 0n),
        jobs: requests.length,
      });
      const [resold, own] = [recent.filter(isResold), recent.filter((request) => !isResold(request))];
      assert.deepEqual(ledger.earningsByNetwork(TOKEN, 5), {
        market: totalOf(own),
        storefront: totalOf(resold),
        kudos: 0n,
      });
      assert.equal(
        days.reduce((sum, day) => sum + day.resold, 0n),
        totalOf(resold).earned,
      );
      const quarters = ledger.earningsByQuarter(TOKEN, 5);
      assert.equal(
        quarters.reduce((sum, { earned }) => sum + earned, 0n),
        totalOf(own).earned,
      );
      assert.equal(
        quarters.reduce((sum, { jobs }) => sum + jobs, 0),
        own.length,
      );
      database.close();
    }),
    { numRuns: 40 },
  );
});
