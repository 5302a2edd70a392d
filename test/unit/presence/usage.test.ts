/**
 * Verifies: hours in which Idlewatt was allowed to work are counted on their own day, and sleep isn't.
 * Setup: a manual clock, across midnight, a sleep and a restart.
 * Fails if: hours without Idlewatt count, a pause counts as work, or a day begins at midnight of another time zone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHourly } from '../../../main/agent/hourly.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createUsage } from '../../../main/core/presence/index.ts';
import { amount } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const HOUR_MS = 3_600_000;
/** 22:30 in Berlin. */
const EVENING = Date.UTC(2026, 10, 23, 21, 30);

function setUp() {
  const clock = manualClock(EVENING);
  const calendar = createCalendar('Europe/Berlin');
  const records = createMemoryRecordStore();
  const state = { free: true };
  const open = () => createUsage({ clock, calendar, records, isFree: () => state.free });
  return { clock, calendar, state, open, usage: open() };
}

test('counts each hour on its own day, and as free only while Idlewatt was allowed to work', () => {
  const { clock, state, usage, open } = setUp();
  clock.advance(HOUR_MS);
  usage.count();
  state.free = false;
  clock.advance(HOUR_MS);
  usage.stop();
  state.free = true;
  const second = open();
  clock.advance(HOUR_MS / 2);
  assert.deepEqual(second.days(3), [
    { day: '2026-11-23', seenMs: 1.5 * HOUR_MS, freeMs: HOUR_MS },
    { day: '2026-11-24', seenMs: HOUR_MS, freeMs: HOUR_MS / 2 },
  ]);
  assert.deepEqual(second.days(1).length, 1);
});

test('doesn’t count a gap in which the machine slept', () => {
  const { clock, calendar } = setUp();
  const records = createMemoryRecordStore();
  const asleep = { ...clock, every: () => ({ cancel: () => undefined }) };
  const usage = createUsage({ clock: asleep, calendar, records, isFree: () => true });
  clock.advance(3 * 60_000);
  usage.count();
  clock.advance(3 * 60_000 + 1);
  usage.stop();
  assert.deepEqual(usage.days(1), [{ day: '2026-11-23', seenMs: 3 * 60_000, freeMs: 3 * 60_000 }]);
});

test('what an hour brought is known after an hour, of the days that were counted', () => {
  const { clock, usage } = setUp();
  const perHour = createHourly({
    clock,
    usage,
    assetId: 'token',
    coinId: 'coin',
    ledger: {
      earningsByDay: () => [
        { day: '2026-11-22', earned: amount(9_000_000n), jobs: 9, feesCoin: amount(0n) },
        { day: '2026-11-23', earned: amount(600n), jobs: 3, feesCoin: amount(0n) },
        { day: '2026-11-24', earned: amount(300n), jobs: 1, feesCoin: amount(0n) },
      ],
    },
  });
  assert.equal(perHour(), null);
  clock.advance(HOUR_MS - 60_000);
  assert.equal(perHour(), null, 'not before the hour is full');
  clock.advance(2 * HOUR_MS + 60_000);
  assert.deepEqual(perHour(), { earned: '300', hours: 3 });
});
