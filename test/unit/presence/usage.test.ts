/**
 * Verifies: hours in which Idlewatt was allowed to work are counted on their own day, and sleep isn't.
 * Setup: a manual clock, across midnight, a sleep and a restart.
 * Fails if: hours without Idlewatt count, a pause counts as work, or a day begins at midnight of another time zone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createUsage } from '../../../main/core/presence/index.ts';
import type { Clock } from '../../../main/ports/clock.ts';
import type { RecordStore } from '../../../main/ports/store.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
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

test('counts nothing twice and loses nothing while the disk is full', () => {
  const { clock, calendar } = setUp();
  const stored = createMemoryRecordStore();
  const disk = { full: false };
  const records: RecordStore = {
    ...stored,
    set(collection, key, value) {
      if (disk.full) throw new AppError('disk-full', 'The disk is full.');
      stored.set(collection, key, value);
    },
  };
  // A clock that reports the failures of its timers, as the agent's does.
  const every: Clock['every'] = (intervalMs, run) => clock.every(intervalMs, () => attempt(run));
  const usage = createUsage({ clock: { ...clock, every }, calendar, records, isFree: () => true });
  const expected = (hours: number) => [
    { day: '2026-11-23', seenMs: hours * HOUR_MS, freeMs: hours * HOUR_MS },
  ];
  clock.advance(HOUR_MS / 2);
  disk.full = true;
  clock.advance(HOUR_MS / 2);
  assert.deepEqual(usage.days(1), expected(1), 'a page can be opened');
  assert.deepEqual(usage.days(1), expected(1));
  disk.full = false;
  clock.advance(60_000);
  const next = createUsage({ clock, calendar, records: stored, isFree: () => true });
  assert.deepEqual(next.days(1), expected(1 + 1 / 60));
});

function attempt(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(isAppError(error, 'disk-full'));
  }
}
