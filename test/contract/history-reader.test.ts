/**
 * Verifies: what pages read of the past comes from a process of its own and contains everything that was written before
 * the read, also what still waits for the disk; exports arrive in pieces; the process ends with its use, comes back after
 * a crash, and can't write.
 * Setup: a real database that this process writes to, and the real reader process; the clock of its end is the test's.
 * Fails if: a read misses a job or an entry, sums are those of an earlier read, a piece exceeds a message, or a call
 * waits for a process that is gone.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openBesideAgent, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createHistory, type History } from '../../main/agent/history/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createLedger, type Ledger } from '../../main/core/ledger/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { isAppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import { type ManualClock, manualClock } from '../fakes/clock.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { soldJob } from '../unit/jobs/job-samples.ts';

const ASSET = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';

let folder = '';
let database: OpenDatabase;
let ledger: Ledger;
let history: History;
let clock: ManualClock;
let isWatched = false;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-history-'));
  const path = join(folder, 'idlewatt.db');
  database = openDatabase(path);
  const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);
  ledger = createLedger({ store: database.ledger, clock: systemClock, calendar });
  clock = manualClock(0);
  isWatched = false;
  history = createHistory({
    path,
    clock,
    log: createRecordingLog(),
    durability: database.durability,
    watched: () => isWatched,
  });
});
afterEach(async () => {
  await history.stop();
  database.close();
  rmSync(folder, { recursive: true });
});

function earn(value: bigint, ...numbers: number[]): void {
  ledger.postAll(
    numbers.map((number) => ({
      key: `job:${number}:charged`,
      atMs: Date.now(),
      kind: 'job-charged' as const,
      description: 'Served a model',
      model: 'model',
      peer: 'peer',
      lines: [
        { account: 'channels:owed' as const, assetId: ASSET, amount: amount(value) },
        { account: 'income:jobs' as const, assetId: ASSET, amount: amount(-value) },
      ],
    })),
  );
}

/** Process IDs of the readers of this test's database. */
function readers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        return line.includes('reader-process') && line.includes(folder);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await sleep(10);
}

test('a read contains jobs that still wait for the disk', async () => {
  for (let number = 1; number <= 5; number += 1) {
    database.durability.defer(() =>
      database.jobs.insert(soldJob({ id: `job-${number}`, createdAtMs: number })),
    );
    const { jobs } = await history.jobs({ outcome: 'all', limit: 50 });
    assert.equal(jobs.length, number);
    assert.equal(jobs[0]?.id, `job-${number}`);
  }
});

test('sums follow entries that the agent records meanwhile', async () => {
  for (let number = 1; number <= 3; number += 1) {
    earn(7n, number);
    const days = await history.earningsByDay(ASSET, COIN, 30);
    assert.deepEqual(days, ledger.earningsByDay(ASSET, COIN, 30));
    assert.equal(days.at(-1)?.earned, BigInt(7 * number));
    assert.deepEqual(await history.earningsByModel(ASSET, 7), ledger.earningsByModel(ASSET, 7));
    assert.deepEqual(await history.earningsByNetwork(ASSET, 7), ledger.earningsByNetwork(ASSET, 7));
    assert.deepEqual(await history.earningsByDevice(ASSET, 7, [{ atMs: 0, name: 'CPU' }]), [
      { device: 'CPU', several: false, earned: amount(7 * number), jobs: number },
    ]);
    assert.deepEqual(await history.entries({ limit: 2 }), ledger.entries({ limit: 2 }));
  }
});

test('an export arrives in pieces that fit into messages', async () => {
  earn(7n, ...Array.from({ length: 1_500 }, (_, index) => index));
  const pieces: string[] = [];
  const request = { format: 'csv', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;
  for await (const piece of history.export(request)) pieces.push(piece);
  assert.ok(pieces.length > 1, `${pieces.length} pieces`);
  assert.ok(pieces.every((piece) => piece.length < 1_000_000));
  assert.equal(pieces.join('').trim().split('\n').length, 1 + 1_500 * 2);
});

test('an expected failure keeps its code; a crash fails the call, and the next one works', async () => {
  history.warm();
  await history.entries({ limit: 1 });
  const [pid] = readers();
  assert.ok(pid !== undefined);
  const calls = [history.earningsByDay(ASSET, COIN, 366), history.entries({ limit: 1 })];
  process.kill(pid, 'SIGKILL');
  const results = await Promise.allSettled(calls);
  for (const result of results) {
    if (result.status === 'rejected') assert.ok(isAppError(result.reason, 'aborted'), String(result.reason));
  }
  await until(() => !readers().includes(pid));
  assert.deepEqual(await history.entries({ limit: 1 }), []);
});

test('only so many calls wait', async () => {
  const calls = Array.from({ length: 100 }, () => history.entries({ limit: 1 }));
  const results = await Promise.allSettled(calls);
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 36);
  assert.ok(refused.every(({ reason }) => isAppError(reason, 'busy')));
});

test('the process ends a minute after its last use, unless a page is open', async () => {
  isWatched = true;
  await history.entries({ limit: 1 });
  clock.advance(70_000);
  await history.entries({ limit: 1 });
  assert.equal(readers().length, 1);
  isWatched = false;
  clock.advance(70_000);
  await until(() => readers().length === 0);
});

test('the database’s log is copied back when both have ended', async () => {
  earn(7n, 1);
  await history.entries({ limit: 1 });
  await history.stop();
  database.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('-wal')),
    [],
  );
  await assert.rejects(history.entries({ limit: 1 }), (error) => isAppError(error, 'aborted'));
});

test('the reading connection can’t write', () => {
  const beside = openBesideAgent(join(folder, 'idlewatt.db'));
  assert.throws(() => beside.jobs.insert(soldJob()), /read-only|readonly|written|write/i);
  beside.close();
});
