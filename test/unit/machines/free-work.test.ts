/**
 * Verifies: among the machines of one owner nothing is paid, any charge is refused, and the work is recorded in tokens and
 * hours by day and machine.
 * Setup: gate and payer without a chain; a work book in memory with a manual clock.
 * Fails if: a charge passes, a lease for money is given, a job counts on another day or machine, or one that delivered
 * nothing counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import {
  createFreeGate,
  createFreePayer,
  createWorkBook,
  isFree,
} from '../../../main/core/machines/index.ts';
import type { Job } from '../../../shared/jobs.ts';
import { amount, ZERO } from '../../../shared/money.ts';
import { CHANNEL_PATH, CHAT_PATH } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { NOW_MS } from './office.ts';

const ASSET = { id: 'idlewatt:own-machines/none', symbol: 'free', decimals: 0, practice: false };
const HOUR_MS = 3_600_000;

test('a job is admitted for its peer, costs nothing, and can’t be charged', async () => {
  const gate = createFreeGate(ASSET, '0x');
  const payer = createFreePayer();
  const header = (name: string) => (name === 'x-peer-id' ? 'second' : undefined);
  const request = { path: CHAT_PATH, method: 'POST', header, ceiling: ZERO, description: '' };
  const admission = await gate.admit(request);
  assert.ok(admission.kind === 'admitted');
  const { payment } = admission;
  assert.equal(payment.payer, 'second');
  const lease = await payer.lease({ peer: 'first', fetch: async () => new Response() }, CHAT_PATH, ZERO);
  assert.equal(lease.channelId, payment.channelId);
  const { paymentResponse } = await payment.settle(ZERO);
  assert.deepEqual(await lease.complete(paymentResponse), { charged: ZERO, cumulative: ZERO });
  await assert.rejects(payment.settle(amount(1)), /nothing is charged/);
  assert.throws(() => lease.read('eyJhbW91bnQiOjF9'), { code: 'bad-request' });
  const dear = payer.lease({ peer: 'first', fetch: async () => new Response() }, CHAT_PATH, amount(1));
  await assert.rejects(dear, { code: 'payment-required' });
  assert.equal((await gate.admit({ ...request, path: CHANNEL_PATH })).kind, 'answered');
});

test('only a model without any price is free', () => {
  const of = (inputPerMillion: string, outputPerMillion: string) =>
    isFree({ price: { inputPerMillion, outputPerMillion } });
  assert.deepEqual([of('0', '0'), of('0', '1'), of('1', '0'), of('0', '')], [true, false, false, false]);
});

test('work is recorded by day, side and machine, in tokens and hours', () => {
  const clock = manualClock(NOW_MS);
  const records = createMemoryRecordStore();
  const open = () => createWorkBook({ records, clock, calendar: createCalendar('UTC') });
  const book = open();
  const job = (patch: Partial<Job>) =>
    ({
      ...{ side: 'sold', peer: 'second', inputTokens: 10, outputTokens: 4 },
      ...{ startedAtMs: clock.now() - HOUR_MS, endedAtMs: clock.now() },
      ...patch,
    }) as Job;
  book.book(job({}));
  assert.equal(book.today('sold').jobs, 1);
  book.book(job({ peer: 'third', outputTokens: 6 }));
  book.book(job({ side: 'bought' }));
  for (const nothing of [{ outputTokens: null }, { inputTokens: null }, { endedAtMs: null }]) {
    book.book(job(nothing));
  }
  assert.deepEqual(book.today('sold'), { jobs: 2, inputTokens: 20, outputTokens: 10, workMs: 2 * HOUR_MS });
  assert.deepEqual(book.today('bought'), { jobs: 1, inputTokens: 10, outputTokens: 4, workMs: HOUR_MS });
  clock.advance(24 * HOUR_MS);
  assert.equal(book.today('sold').jobs, 0);
  book.book(job({}));
  assert.deepEqual(
    book.days().map(({ day, outputTokens, workMs }) => [day, outputTokens, workMs / HOUR_MS]),
    [
      ['2025-06-15', 10, 2],
      ['2025-06-16', 4, 1],
    ],
  );
  // Another start reads what was stored.
  const all = open().all();
  assert.deepEqual(
    all.map(({ day, side, peer, outputTokens }) => [day, side, peer, outputTokens]),
    [
      ['2025-06-15', 'bought', 'second', 4],
      ['2025-06-15', 'sold', 'second', 4],
      ['2025-06-15', 'sold', 'third', 6],
      ['2025-06-16', 'sold', 'second', 4],
    ],
  );
  clock.advance(13 * 24 * HOUR_MS);
  assert.deepEqual(
    book.days().map(({ day }) => day),
    ['2025-06-16'],
    'two weeks',
  );
});
