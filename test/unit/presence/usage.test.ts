/**
 * Goal: the hours in which we were allowed to work are counted, each on its own day, and sleep is not.
 * Method: a clock moved by hand, over midnight, a sleep and a restart.
 * Would break: hours that nobody saw, a pause that counts as work, a day that begins at another place's midnight.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createUsage } from '../../../main/core/presence/index.ts';
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
  return { clock, state, open, usage: open() };
}

test('each hour counts on its own day, and only while we were allowed to work', () => {
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
