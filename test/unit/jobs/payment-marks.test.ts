/**
 * Verifies: a settlement of any number of jobs takes bounded time per turn of the event loop, and marks exactly the jobs
 * that it paid for, after restarts and lost groups of writes, too.
 * Setup: jobs and ledger on one SQLite database; a clock that the test advances; random claims, payouts, restarts and
 * lost groups, compared with a model that marks immediately.
 * Fails if: an event writes its jobs itself, a batch is larger than its limit, a restart loses or repeats a mark, a
 * payout marks a job that was claimed after it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type OpenDatabase, openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { bookSettlement, createJobs } from '../../../main/core/jobs/index.ts';
import { MARK_BATCH_JOBS, MARK_PAUSE_MS } from '../../../main/core/jobs/payment-marks.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { storageError } from '../../../main/ports/storage.ts';
import { type Durability, IMMEDIATE } from '../../../main/ports/store.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from './job-samples.ts';

const TOKEN = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';
const PRICE = 5;

function setUp(database: OpenDatabase) {
  const clock = manualClock(1_000_000);
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  let number = 0;
  let transactions = 0;
  const cumulative = new Map<string, number>();
  const start = (durability: Durability = IMMEDIATE) => {
    const jobs = createJobs({ records: database.jobs, store: database.records, ledger, clock, durability });
    const { transaction } = database;
    const books = { jobs, ledger, transaction, tokenId: TOKEN, coinId: COIN };
    const tx = () => {
      transactions += 1;
      return { hash: `0x${transactions}`, blockNumber: 1, fee: amount(1) };
    };
    return {
      jobs,
      claim(channelId: string, claimedTotal: number, claimed: number) {
        const channels = [{ channelId, amount: amount(claimed), claimedTotal: amount(claimedTotal) }];
        bookSettlement(books, { type: 'claimed', tx: tx(), channels });
      },
      payOut: (paid: number) => bookSettlement(books, { type: 'settled', tx: tx(), amount: amount(paid) }),
    };
  };
  /** Stores a charged job with its ledger entry. */
  const serve = (channelId: string): string => {
    number += 1;
    const total = (cumulative.get(channelId) ?? 0) + PRICE;
    cumulative.set(channelId, total);
    const job = soldJob({
      id: `job-${number}`,
      channelId,
      state: 'charged',
      charged: String(PRICE),
      cumulative: String(total),
    });
    database.jobs.insertEnded(job, [], 'no');
    ledger.jobCharged(job);
    return job.id;
  };
  const inState = (...states: Job['state'][]) =>
    database.jobs.count({ side: 'sold', states, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
  return {
    clock,
    ledger,
    start,
    serve,
    inState,
    total: (channelId: string) => cumulative.get(channelId) ?? 0,
  };
}

test('a settlement of many jobs marks a bounded number of them per turn', () => {
  const database = openDatabase(':memory:');
  const { clock, ledger, start, serve, inState, total } = setUp(database);
  const count = MARK_BATCH_JOBS * 5 + 3;
  database.transaction(() => {
    for (let index = 0; index < count; index += 1) serve('0xch');
  });
  const { jobs, claim, payOut } = start();
  claim('0xch', total('0xch'), total('0xch'));
  assert.equal(
    ledger.balance('contract:claimed', TOKEN),
    BigInt(count * PRICE),
    'the ledger has it immediately',
  );
  assert.equal(inState('claimed'), 0, 'the event itself marks nothing');
  clock.advance(MARK_PAUSE_MS);
  assert.equal(inState('claimed'), MARK_BATCH_JOBS);
  // The payout and another job arrive in the middle: the payout is not for that job.
  payOut(total('0xch'));
  serve('0xch');
  claim('0xch', total('0xch'), PRICE);
  const marks = () => inState('claimed') + 2 * inState('settled');
  const all = 2 * count + 1;
  for (let before = marks(); before < all; before = marks()) {
    clock.advance(MARK_PAUSE_MS);
    assert.ok(marks() > before, 'each turn makes progress');
    assert.ok(marks() - before <= MARK_BATCH_JOBS, `${marks() - before} jobs in one turn`);
  }
  clock.advance(60_000);
  assert.equal(inState('settled'), count);
  assert.equal(inState('claimed'), 1, 'claimed after the payout');
  assert.deepEqual(database.records.list('job-marks'), [], 'nothing is left to do');
  jobs.stop();
  database.close();
});

type Step =
  | { kind: 'serve' | 'claim'; channel: string; jobs: number }
  | { kind: 'pay' | 'tick' | 'restart' | 'lose' };
const channel = fc.constantFrom('0xa', '0xb');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('serve', 'claim'), channel, jobs: fc.integer({ min: 1, max: 70 }) }),
  fc.record({ kind: fc.constantFrom('pay', 'tick', 'tick', 'restart', 'lose') }),
);

test('restarts and lost groups at any moment neither lose nor repeat a mark', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const database = openDatabase(':memory:');
      const { clock, start, serve, total } = setUp(database);
      /** Model: what each job's state has to be, and what is claimed of each channel. */
      const model = new Map<string, Job['state']>();
      const jobsOf = new Map<string, string[]>();
      const claimed = new Map<string, number>();
      let isLosing = false;
      const lossy: Durability = {
        defer(run) {
          if (!isLosing) return run();
          const lost = new Error('lost');
          let result: ReturnType<typeof run> | undefined;
          try {
            database.transaction(() => {
              result = run();
              throw lost;
            });
          } catch (error) {
            if (error !== lost) throw error;
          }
          return result as ReturnType<typeof run>;
        },
        durable: async () => undefined,
      };
      let run = start(lossy);
      for (const each of steps) {
        isLosing = each.kind === 'lose';
        if (each.kind === 'serve') {
          for (let index = 0; index < each.jobs; index += 1) {
            const id = serve(each.channel);
            model.set(id, 'charged');
            jobsOf.set(each.channel, [...(jobsOf.get(each.channel) ?? []), id]);
          }
        } else if (each.kind === 'claim') {
          const before = claimed.get(each.channel) ?? 0;
          const upTo = Math.min(total(each.channel), before + each.jobs * PRICE);
          if (upTo === before) continue;
          claimed.set(each.channel, upTo);
          run.claim(each.channel, upTo, upTo - before);
          const ids = jobsOf.get(each.channel) ?? [];
          for (const id of ids.slice(before / PRICE, upTo / PRICE)) model.set(id, 'claimed');
        } else if (each.kind === 'pay') {
          const due = [...model].filter(([, state]) => state === 'claimed').map(([id]) => id);
          if (due.length === 0) continue;
          run.payOut(due.length * PRICE);
          for (const id of due) model.set(id, 'settled');
        } else if (each.kind === 'restart') {
          run.jobs.stop();
          run = start(lossy);
        } else clock.advance(MARK_PAUSE_MS);
      }
      isLosing = false;
      run.jobs.stop();
      run = start(lossy);
      clock.advance(60_000);
      for (const [id, state] of model) {
        const { job, events } = run.jobs.show(id);
        assert.equal(job.state, state, id);
        const marks = events.map((event) => event.state);
        assert.deepEqual(
          marks,
          ['claimed', 'settled'].slice(0, ['charged', 'claimed', 'settled'].indexOf(state)),
        );
      }
      assert.deepEqual(database.records.list('job-marks'), []);
      run.jobs.stop();
      database.close();
    }),
    { numRuns: 60 },
  );
});

test('a group that the disk lost after the last batch is marked again', async () => {
  const database = openDatabase(':memory:');
  const { clock, start, serve, inState, total } = setUp(database);
  serve('0xch');
  let lost: readonly { readonly key: string; readonly value: string }[] = [];
  const { jobs, claim } = start({
    defer: (run) => run(),
    async durable() {
      if (lost.length === 0) return;
      // The group undoes that the note was handled.
      for (const { key, value } of lost) database.records.set('job-marks', key, value);
      lost = [];
      throw storageError('disk-full');
    },
  });
  claim('0xch', total('0xch'), total('0xch'));
  lost = database.records.list('job-marks');
  assert.equal(lost.length, 1);
  clock.advance(MARK_PAUSE_MS);
  assert.equal(inState('claimed'), 1);
  assert.equal(database.records.list('job-marks').length, 1, 'lost');
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(60_000);
  assert.deepEqual(database.records.list('job-marks'), [], 'the note was handled again');
  jobs.stop();
  database.close();
});

test('a full disk delays the marks, and they continue when it takes writes again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-marks-'));
  const database = openDatabase(join(folder, 'idlewatt.db'));
  const { clock, start, serve, inState, total } = setUp(database);
  for (let index = 0; index < 3; index += 1) serve('0xch');
  let isFull = false;
  const { jobs, claim } = start({
    defer(run) {
      if (isFull) throw storageError('disk-full');
      return run();
    },
    durable: async () => undefined,
  });
  claim('0xch', total('0xch'), total('0xch'));
  isFull = true;
  clock.advance(60_000);
  assert.equal(inState('charged'), 3);
  isFull = false;
  clock.advance(60_000);
  assert.equal(inState('claimed'), 3);
  jobs.stop();
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a row that can’t be read is reported and tried again', () => {
  const database = openDatabase(':memory:');
  const { clock, start, serve, inState, total } = setUp(database);
  serve('0xch');
  let isDamaged = false;
  const { jobs, claim } = start({
    defer(run) {
      if (isDamaged) throw storageError('database-damaged');
      return run();
    },
    durable: async () => undefined,
  });
  claim('0xch', total('0xch'), total('0xch'));
  isDamaged = true;
  assert.throws(
    () => clock.advance(MARK_PAUSE_MS),
    (error) => isAppError(error, 'database-corrupt'),
    'the clock logs it',
  );
  isDamaged = false;
  clock.advance(60_000);
  assert.equal(inState('claimed'), 1);
  jobs.stop();
  database.close();
});
