/**
 * Verifies: what the machine did is counted by local hour: worked, ready, waited for its owner, or paused.
 * Setup: a manual clock, across hours, a sleep, a restart and midnight; every reason for a decision.
 * Fails if: an hour gets time of another one, a sleep counts, a day without Idlewatt is made up, old days pile up or are
 *   lost before four weeks have passed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createDoings, type Doing, doingOf } from '../../../main/core/presence/index.ts';
import { decisionOf, type PresenceReason, presenceReasonSchema } from '../../../shared/presence.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** 22:30 in Berlin. */
const EVENING = Date.UTC(2026, 10, 23, 21, 30);

function setUp() {
  const clock = manualClock(EVENING);
  const calendar = createCalendar('Europe/Berlin');
  const records = createMemoryRecordStore();
  const now: { doing: Doing | null } = { doing: 'working' };
  const open = () => createDoings({ clock, calendar, records, doing: () => now.doing });
  return { clock, records, now, open, doings: open() };
}

test('an hour shows what took most of its time', () => {
  const { clock, now, doings } = setUp();
  clock.advance(10 * MINUTE_MS);
  doings.count();
  now.doing = 'waiting';
  clock.advance(20 * MINUTE_MS);
  doings.count();
  now.doing = 'ready';
  clock.advance(5 * MINUTE_MS);
  const hours = doings.today();
  assert.equal(hours.length, 24);
  assert.deepEqual(
    hours.map(({ did }) => did),
    [...Array.from({ length: 22 }, () => null), 'waiting', 'ready'],
  );
  assert.equal(hours[22]?.fromMs, EVENING - 30 * MINUTE_MS);
  assert.equal(hours[22]?.toMs, EVENING + 30 * MINUTE_MS);
});

test('hours survive a restart, and a new day starts empty', () => {
  const { clock, doings, open } = setUp();
  clock.advance(20 * MINUTE_MS);
  doings.stop();
  const second = open();
  assert.equal(second.today()[22]?.did, 'working');
  clock.advance(2 * HOUR_MS);
  assert.equal(second.today()[0]?.did, 'working');
  assert.equal(second.today()[22]?.did, null);
  second.stop();
});

test('earlier days keep the free and busy time of each hour, without the day in which Idlewatt began', () => {
  const { clock, now, doings } = setUp();
  // From 22:30 to 8:30, minute by minute, so that nothing looks like a sleep.
  const pass = (hours: number) => {
    for (let minute = 0; minute < hours * 60; minute += 1) clock.advance(MINUTE_MS);
  };
  pass(10);
  now.doing = 'ready';
  pass(0.5);
  now.doing = 'waiting';
  assert.deepEqual(doings.past(), [], 'the first day began at half past ten');
  pass(15);
  const past = doings.past();
  assert.equal(past.length, 24);
  assert.deepEqual([past[0]?.weekday, past[0]?.hour], [1, 0]);
  assert.deepEqual(
    past.slice(7, 10).map(({ freeMs, busyMs }) => [freeMs / MINUTE_MS, busyMs / MINUTE_MS]),
    [
      [60, 60],
      [60, 30],
      [0, 0],
    ],
  );
});

test('a day is stored for four weeks, and a day after today not at all', () => {
  const { clock, records, doings } = setUp();
  doings.stop();
  const calendar = createCalendar('Europe/Berlin');
  const startMs = calendar.startOfDay(EVENING);
  for (let ago = -2; ago < 40; ago += 1) {
    const dayMs = calendar.startOfDay(startMs + 12 * HOUR_MS - ago * 24 * HOUR_MS);
    records.set('doings', String(dayMs), JSON.stringify({ [dayMs]: { ready: HOUR_MS } }));
  }
  const second = createDoings({ clock, calendar, records, doing: () => 'ready' });
  assert.equal(new Set(second.past().map(({ dayMs }) => dayMs)).size, 28);
  assert.equal(records.list('doings').length, 29);
  clock.advance(4 * HOUR_MS);
  assert.equal(new Set(second.past().map(({ dayMs }) => dayMs)).size, 28, 'the oldest day went, today came');
  second.stop();
});

test('neither a sleep nor a time without Idlewatt counts', () => {
  const { clock, now, doings } = setUp();
  now.doing = null;
  clock.advance(40 * MINUTE_MS);
  assert.deepEqual(
    doings.today().map(({ did }) => did),
    Array.from({ length: 24 }, () => null),
  );
});

test('every reason belongs to one kind, and only running jobs count as work', () => {
  const presence = (reason: PresenceReason) => ({
    decision: decisionOf(reason),
    reason,
    sinceMs: 0,
    untilMs: null,
  });
  assert.equal(doingOf(presence('idle'), 1), 'working');
  assert.equal(doingOf(presence('too-warm'), 0), 'ready');
  assert.equal(doingOf(presence('owner-active'), 0), 'waiting');
  assert.equal(doingOf(presence('paused-by-owner'), 0), 'paused');
  for (const reason of ['starting', 'no-model', 'disk-full', 'engine-gave-up'] as const) {
    assert.equal(doingOf(presence(reason), 0), null, reason);
  }
  for (const reason of presenceReasonSchema.options) {
    if (decisionOf(reason) !== 'pause') assert.equal(doingOf(presence(reason), 0), 'ready', reason);
  }
});

test('a day with 25 hours has 25', () => {
  const clock = manualClock(Date.UTC(2026, 9, 25, 10));
  const calendar = createCalendar('Europe/Berlin');
  const doings = createDoings({ clock, calendar, records: createMemoryRecordStore(), doing: () => 'ready' });
  assert.equal(doings.today().length, 25);
});
