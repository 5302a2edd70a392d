/**
 * Verifies: old jobs whose money is settled become daily sums that add up to the ledger, however often it is interrupted,
 * and nothing that a report or an export shows changes.
 * Setup: a database with drawn jobs in every state; a clock that the test sets; the real folding on its timer.
 * Fails if: a job with money in motion goes, a sum is wrong by one unit, an export changes, or freed room isn't reused.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { type OpenDatabase, openDatabase, openForReading } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { exportBeancount, exportCsv, NO_RATES } from '../../../main/core/exports/index.ts';
import { createFolding, createJobs } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import type { Job } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { soldJob } from './job-samples.ts';

const DAY_MS = 86_400_000;
const TOKEN = 'eip155:31337/0x01';
const NOW_MS = 200 * DAY_MS;

const drawnJob = fc.record({
  day: fc.integer({ min: 0, max: 199 }),
  side: fc.constantFrom('sold' as const, 'bought' as const),
  state: fc.constantFrom('charged', 'claimed', 'settled', 'failed', 'refused', 'running'),
  paid: fc.constantFrom('no' as const, 'claimed' as const, 'settled' as const),
  charged: fc.constantFrom(null, 0n, 5n, 10n ** 20n),
  /** False for a charge that may not have come through. */
  isKnown: fc.boolean(),
  model: fc.constantFrom('a', 'b'),
  peer: fc.constantFrom('p', 'q'),
});
type Drawn = typeof drawnJob extends fc.Arbitrary<infer T> ? T : never;

function jobOf({ day, charged, isKnown, ...fields }: Drawn, index: number): Job {
  return soldJob({
    ...fields,
    id: `job-${index}`,
    state: fields.state as Job['state'],
    createdAtMs: day * DAY_MS + index,
    endedAtMs: day * DAY_MS + index,
    inputTokens: 3,
    outputTokens: 4,
    charged: charged === null ? null : charged.toString(),
    cumulative: charged !== null && isKnown ? charged.toString() : null,
  });
}

function fill(database: OpenDatabase, drawn: readonly Drawn[]) {
  const clock = manualClock(NOW_MS);
  const calendar = createCalendar('UTC');
  const ledger = createLedger({ store: database.ledger, clock, calendar });
  ledger.faucet({ reference: '1', assetId: TOKEN, amount: amount(10n ** 24n) });
  ledger.deposited({ txHash: '0xd', assetId: TOKEN, amount: amount(10n ** 23n), channelId: '0xch' });
  const all = drawn.map(jobOf);
  for (const [index, job] of all.entries()) {
    database.jobs.insertEnded(job, [], drawn[index]?.paid ?? 'no');
    if (job.state !== 'running') ledger.jobCharged(job);
  }
  return {
    all,
    clock,
    ledger,
    calendar,
    jobs: createJobs({ records: database.jobs, store: database.records, ledger, clock }),
  };
}

/** Jobs whose money is settled, by the rules of money and not by the query. */
function isSettled(job: Job, paid: Drawn['paid']): boolean {
  if (job.state === 'running') return false;
  if (job.charged === null || job.charged === '0') return job.side === 'bought' || paid !== 'claimed';
  if (job.cumulative === null) return false;
  return job.side === 'bought' || paid === 'settled';
}

function exportsOf({ ledger, calendar }: ReturnType<typeof fill>): string {
  const sources = {
    pages: () => ledger.pages(),
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    assetOf: () => null,
    rates: NO_RATES,
    dayOf: calendar.day,
  };
  return [...exportCsv(sources), ...exportBeancount(sources)].join('');
}

test('only settled jobs go, their sums stay, and no report or export changes', () => {
  fc.assert(
    fc.property(fc.array(drawnJob, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), (drawn, batch) => {
      const database = openDatabase(':memory:');
      const filled = fill(database, drawn);
      const { all, jobs, ledger } = filled;
      const oldMs = 100 * DAY_MS;
      const counts = () => [jobs.counts('sold', 0), jobs.counts('bought', 0), jobs.counts('sold', 0, oldMs)];
      const before = {
        counts: counts(),
        exports: exportsOf(filled),
        days: ledger.earningsByDay(TOKEN, TOKEN, 200),
      };
      for (let folded = batch; folded === batch; ) folded = database.jobs.fold(oldMs, batch);
      const goes = all.filter(
        (job, index) => job.createdAtMs < oldMs && isSettled(job, drawn[index]?.paid ?? 'no'),
      );
      const left = all.filter((job) => !goes.includes(job));
      assert.deepEqual(
        database.jobs.page('', 100).map(({ id }) => id),
        left.map(({ id }) => id).sort(),
      );
      const after = createJobs({
        records: database.jobs,
        store: database.records,
        ledger,
        clock: filled.clock,
      });
      assert.deepEqual(
        [after.counts('sold', 0), after.counts('bought', 0), after.counts('sold', 0, oldMs)],
        before.counts,
      );
      assert.equal(exportsOf(filled), before.exports);
      assert.deepEqual(ledger.earningsByDay(TOKEN, TOKEN, 200), before.days);
      const sums = database.jobs.folded();
      const charged = goes.filter((job) => job.charged !== null && job.charged !== '0');
      assert.equal(
        sums.reduce((sum, fold) => sum + fold.jobs, 0),
        goes.length,
      );
      assert.equal(
        sums.reduce((sum, fold) => sum + fold.chargedJobs, 0),
        charged.length,
      );
      assert.equal(
        sums.reduce((sum, fold) => sum + fold.charged, 0n),
        charged.reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n),
      );
      assert.deepEqual(database.ledger.check('all'), []);
      database.close();
    }),
    { numRuns: 80 },
  );
});

const settled = (day: number, index: number): Drawn => ({
  ...{ day, side: 'sold', state: 'settled', paid: 'settled', charged: 5n, isKnown: true },
  ...{ model: 'a', peer: index % 2 === 0 ? 'p' : 'q' },
});

function watched(database: OpenDatabase, drawn: readonly Drawn[], days: number | null) {
  const filled = fill(database, drawn);
  const log = createRecordingLog();
  const folding = createFolding({ records: database.jobs, clock: filled.clock, days: () => days, log });
  return { ...filled, folding, count: () => database.jobs.page('', 10_000).length };
}

test('folds in batches while no job is running, and never with "forever"', () => {
  const old = Array.from({ length: 250 }, (_, index) => settled(index % 100, index));
  const database = openDatabase(':memory:');
  const { clock, count, folding, jobs } = watched(database, [...old, settled(199, 1)], 90);
  jobs.insert(soldJob({ id: 'busy', createdAtMs: NOW_MS }));
  clock.advance(60 * 60_000);
  assert.equal(count(), 252, 'a job is running');
  jobs.update('busy', { state: 'failed' });
  clock.advance(10 * 60_000);
  assert.equal(count(), 152, 'one batch');
  clock.advance(10_000);
  assert.equal(count(), 2);
  folding.stop();
  database.close();
  const kept = openDatabase(':memory:');
  const forever = watched(kept, old, null);
  forever.clock.advance(60 * 60_000);
  assert.equal(forever.count(), 250);
  forever.folding.stop();
  kept.close();
});

test('a clock that is set forward makes no job old', () => {
  const database = openDatabase(':memory:');
  const { clock, count, folding } = watched(database, [settled(198, 0), settled(199, 1)], 90);
  clock.setTimeBy(1_000 * DAY_MS);
  clock.advance(60 * 60_000);
  assert.equal(count(), 2);
  folding.stop();
  database.close();
});

test('an interrupted batch changes nothing', () => {
  const database = openDatabase(':memory:');
  fill(database, [settled(1, 0), settled(1, 1), settled(2, 2)]);
  assert.throws(() =>
    database.transaction(() => {
      assert.equal(database.jobs.fold(NOW_MS, 2), 2);
      throw new Error('killed');
    }),
  );
  assert.equal(database.jobs.page('', 10).length, 3);
  assert.deepEqual(database.jobs.folded(), []);
  database.close();
});

test('the room of folded jobs is used again, and a changed sum is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-fold-'));
  const path = join(folder, 'idlewatt.db');
  try {
    const round = (day: number) => Array.from({ length: 2_000 }, (_, index) => settled(day, index));
    const insert = (database: OpenDatabase, day: number) => {
      const clock = manualClock(NOW_MS);
      const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
      database.transaction(() => {
        for (const [index, drawn] of round(day).entries()) {
          const job = { ...jobOf(drawn, index), id: `job-${day}-${index}`, charged: '0', cumulative: null };
          database.jobs.insertEnded(job, [], 'settled');
          ledger.jobCharged(job);
        }
      });
    };
    const first = openDatabase(path);
    insert(first, 1);
    first.close();
    const size = statSync(path).size;
    const second = openDatabase(path);
    for (let day = 2; day <= 4; day += 1) {
      while (second.jobs.fold(NOW_MS, 500) > 0);
      insert(second, day);
    }
    second.close();
    assert.ok(statSync(path).size < 1.3 * size, `${statSync(path).size} bytes after ${size}`);
    const bare = new Sqlite(path);
    bare.exec('UPDATE job_fold SET jobs = jobs + 1');
    bare.close();
    const reader = openForReading(path, { allowChangedRows: true });
    assert.match(reader.changedRow() ?? '', /job_fold/);
    reader.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
