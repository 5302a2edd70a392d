/**
 * Verifies: the counts of a day equal a naive count at any moment, and what was counted isn't read again.
 * Setup: jobs on a database in memory; drawn jobs, ends, windows and clocks that are set back.
 * Fails if: a count misses a job or counts it twice, or a repeated count reads the whole day.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import type { JobState } from '../../../shared/jobs.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from './job-samples.ts';

const MINUTE_MS = 60_000;

function setUp() {
  const clock = manualClock(1_000_000);
  const database = openDatabase(':memory:');
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const read: number[] = [];
  const records = {
    ...database.jobs,
    count: (filter: Parameters<typeof database.jobs.count>[0]) => {
      const jobs = database.jobs.count(filter);
      read.push(jobs);
      return jobs;
    },
  };
  return { database, read, jobs: createJobs({ records, store: database.records, ledger, clock }) };
}

const step = fc.record({
  atMs: fc.integer({ min: 0, max: 30 }).map((minutes) => minutes * MINUTE_MS),
  side: fc.constantFrom('sold' as const, 'bought' as const),
  end: fc.constantFrom<JobState | null>('failed', 'refused', 'charged', null),
  /** Ends an earlier job instead of inserting one. */
  ends: fc.option(fc.nat(), { nil: null }),
  from: fc.integer({ min: 0, max: 3 }).map((part) => part * 5 * MINUTE_MS),
  to: fc.constantFrom(10 * MINUTE_MS, 25 * MINUTE_MS, Number.MAX_SAFE_INTEGER),
});

test('counts equal a naive count, whatever the clock and the order of the ends', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const { database, jobs } = setUp();
      const running: string[] = [];
      for (const [index, { atMs, side, end, ends, from, to }] of steps.entries()) {
        const victim = ends === null ? undefined : running.splice(ends % Math.max(1, running.length), 1)[0];
        if (victim !== undefined) jobs.update(victim, { state: 'failed' });
        else {
          const id = `job-${index}`;
          jobs.insert(soldJob({ id, side, createdAtMs: atMs }));
          if (end === null) running.push(id);
          else if (end === 'charged') {
            jobs.update(id, { state: 'running' });
            jobs.update(id, { state: 'charged', endedAtMs: atMs });
          } else jobs.update(id, { state: end });
        }
        const naive = (outcome: 'served' | 'failed') =>
          jobs
            .list({ side: 'sold', outcome, limit: 200 })
            .jobs.filter(({ createdAtMs }) => createdAtMs >= from && createdAtMs < to).length;
        assert.deepEqual(jobs.counts('sold', from, to), { served: naive('served'), failed: naive('failed') });
      }
      database.close();
    }),
    { numRuns: 200 },
  );
});

test('a busy day is read once', () => {
  const { database, jobs, read } = setUp();
  const insert = (index: number) =>
    database.jobs.insertEnded(
      soldJob({ id: `job-${index}`, state: 'refused', createdAtMs: index * 1_000 }),
      [],
      'no',
    );
  for (let index = 0; index < 2_000; index += 1) insert(index);
  assert.deepEqual(jobs.counts('sold', 0), { served: 0, failed: 2_000 });
  read.length = 0;
  insert(2_000);
  assert.deepEqual(jobs.counts('sold', 0), { served: 0, failed: 2_001 });
  const rows = read.reduce((sum, count) => sum + count, 0);
  assert.ok(rows <= 70, `${rows} jobs were counted again`);
  database.close();
});
