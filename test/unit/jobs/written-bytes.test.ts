/**
 * Verifies: what a provider writes for one job, from its admission to its payout, stays within a budget.
 * Setup: jobs, ledger and channel records in one database on disk; eight channels with a job each at a time, which share
 * their flushes; then one claim and one payout for all. The kernel counts the bytes of this process's writes; without
 * that count, the growth of the write-ahead log does.
 * Fails if: savepoints spill into temporary files, each job is committed alone, sums are written with each job, rows move
 * when a job ends, or marking paid jobs writes a page for each of them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { bookSettlement, createJobs, newJobId } from '../../../main/core/jobs/index.ts';
import { MARK_PAUSE_MS } from '../../../main/core/jobs/payment-marks.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { soldJob } from './job-samples.ts';

const TOKEN = 'eip155:31337/0x01';
const COIN = 'eip155:31337/native';
const CHANNELS = Array.from({ length: 8 }, (_, index) => `0x${String(index).repeat(64)}`);
const ROUNDS = 20;
const JOBS = CHANNELS.length * ROUNDS;
const PRICE = 5;
const SERVING_BYTES_MAX = 5_700;
const MARKING_BYTES_MAX = 2_500;

const KERNEL = '/proc/self/io';

/** Bytes that were written so far; at least those of the database at this path. */
function writtenBytes(path: string): number {
  if (existsSync(KERNEL)) return Number(/^wchar: (\d+)$/m.exec(readFileSync(KERNEL, 'utf8'))?.[1]);
  return statSync(`${path}-wal`).size;
}

/** Of the usual size: random, so that it can't be compressed, where a real one is. */
function receiptOf(job: string, cumulative: number): string {
  const payload = {
    job,
    peer: '12D3KooWProvider',
    modelSha256: randomBytes(32).toString('hex'),
    price: { inputPerMillion: '20000', outputPerMillion: '80000' },
    charged: String(PRICE),
    cumulative: String(cumulative),
    tokenHash: randomBytes(32).toString('hex'),
    finishReason: 'stop',
  };
  return [{ alg: 'EdDSA', kid: '12D3KooWProvider' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(randomBytes(64).toString('base64url'))
    .join('.');
}

test('a job writes at most 5.7 kB until its charge and 2.5 kB for its payment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-bytes-'));
  const path = join(folder, 'idlewatt.db');
  const database = openDatabase(path);
  const { durability, records, transaction } = database;
  const clock = manualClock(1_000_000);
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records: database.jobs, store: records, ledger, clock, durability });
  const voucher = (channelId: string) =>
    durability.defer(() =>
      records.set('channel', channelId, JSON.stringify(randomBytes(170).toString('hex'))),
    );
  const serveOnEachChannel = async (cumulative: number): Promise<void> => {
    const ids = CHANNELS.map((channelId) => {
      const job = soldJob({ id: newJobId(clock.now()), channelId, createdAtMs: clock.now() });
      voucher(channelId);
      jobs.insert(job, { atMs: clock.now(), state: 'admitted', note: null });
      return job.id;
    });
    await durability.durable();
    for (const id of ids) jobs.update(id, { state: 'running', startedAtMs: clock.now() });
    clock.advance(10);
    for (const [index, id] of ids.entries()) {
      const step = (state: 'delivered' | 'charged') => ({ atMs: clock.now(), state, note: null });
      const patch = { endedAtMs: clock.now(), inputTokens: 20, outputTokens: 10, charged: String(PRICE) };
      jobs.update(id, { ...patch, state: 'delivered' }, step('delivered'));
      voucher(CHANNELS[index] ?? '');
      const receipt = receiptOf(id, cumulative);
      const end = { state: 'charged', cumulative: String(cumulative), receipt } as const;
      jobs.update(id, end, step('charged'));
    }
    await durability.durable();
  };

  await serveOnEachChannel(PRICE);
  const beforeServing = writtenBytes(path);
  for (let round = 2; round <= ROUNDS + 1; round += 1) await serveOnEachChannel(round * PRICE);
  const served = (writtenBytes(path) - beforeServing) / JOBS;

  const total = (ROUNDS + 1) * PRICE;
  const books = { jobs, ledger, transaction, tokenId: TOKEN, coinId: COIN };
  const tx = (hash: string) => ({ hash, blockNumber: 1, fee: amount(1) });
  const channels = CHANNELS.map((channelId) => ({
    channelId,
    amount: amount(total),
    claimedTotal: amount(total),
  }));
  const beforeMarking = writtenBytes(path);
  bookSettlement(books, { type: 'claimed', tx: tx('0x1'), channels });
  bookSettlement(books, { type: 'settled', tx: tx('0x2'), amount: amount(total * CHANNELS.length) });
  while (records.list('job-marks').length > 0) {
    clock.advance(MARK_PAUSE_MS);
    await durability.durable();
  }
  const marked = (writtenBytes(path) - beforeMarking) / (JOBS + CHANNELS.length);
  jobs.stop();
  database.close();
  rmSync(folder, { recursive: true });
  assert.ok(served > 1_000, 'something was counted');
  assert.ok(served <= SERVING_BYTES_MAX, `${served.toFixed(0)} bytes for a job`);
  assert.ok(marked <= MARKING_BYTES_MAX, `${marked.toFixed(0)} bytes for the payment of a job`);
});
