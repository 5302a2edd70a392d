/**
 * Verifies: "today" means the owner's local day, even on days with a clock change.
 * Setup: properties over moments and zones; known boundaries as examples.
 * Fails if: every day has 24 hours, days are UTC days, or weeks begin on Sunday.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCalendar } from '../../../main/core/calendar/index.ts';

const HOUR_MS = 3_600_000;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/St_Johns',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Kiritimati',
];
const moments = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) });

test('a day starts one millisecond after the end of the day before', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moments, (zone, atMs) => {
      const calendar = createCalendar(zone);
      const start = calendar.startOfDay(atMs);
      assert.ok(start <= atMs);
      assert.equal(calendar.day(start), calendar.day(atMs));
      assert.notEqual(calendar.day(start - 1), calendar.day(atMs));
      const next = calendar.startOfNextDay(atMs);
      assert.ok(next > atMs);
      assert.equal(calendar.day(next - 1), calendar.day(atMs));
      assert.ok(calendar.day(next) > calendar.day(atMs));
    }),
    { numRuns: 60 },
  );
});

test('days with a clock change have 23 and 25 hours', () => {
  const berlin = createCalendar('Europe/Berlin');
  const length = (atMs: number) => berlin.startOfNextDay(atMs) - berlin.startOfDay(atMs);
  assert.equal(length(Date.UTC(2026, 2, 29, 12)), 23 * HOUR_MS);
  assert.equal(length(Date.UTC(2026, 9, 25, 12)), 25 * HOUR_MS);
  assert.equal(length(Date.UTC(2026, 5, 1, 12)), 24 * HOUR_MS);
});

test('the day depends on the time zone', () => {
  const midnight = Date.UTC(2026, 10, 22, 23);
  assert.equal(createCalendar('Europe/Berlin').day(midnight), '2026-11-23');
  assert.equal(createCalendar('UTC').day(midnight), '2026-11-22');
  assert.equal(createCalendar('Europe/Berlin').startOfDay(midnight), midnight);
});

test('a period has as many days as its calendar shows up to now', () => {
  const berlin = createCalendar('Europe/Berlin');
  const days = (atMs: number) =>
    (['today', 'week', 'month', 'year'] as const).map((period) => berlin.daysIn(period, atMs));
  // A Sunday evening after 22:00 in UTC is Monday in Berlin.
  assert.deepEqual(days(Date.UTC(2026, 2, 29, 20)), [1, 7, 29, 88]);
  assert.deepEqual(days(Date.UTC(2026, 2, 29, 22)), [1, 1, 30, 89]);
  assert.deepEqual(days(Date.UTC(2026, 11, 31, 12)), [1, 4, 31, 365]);
  assert.deepEqual(days(Date.UTC(2024, 11, 31, 12)), [1, 2, 31, 366]);
});

test('a week begins on Monday, even across a clock change', () => {
  const berlin = createCalendar('Europe/Berlin');
  // Sunday, 29 March 2026 is the day of the change; its Monday is the 23rd.
  assert.equal(berlin.day(berlin.startOfWeek(Date.UTC(2026, 2, 29, 20))), '2026-03-23');
  assert.equal(berlin.day(berlin.startOfWeek(Date.UTC(2026, 2, 30, 20))), '2026-03-30');
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), moments, (zone, atMs) => {
      const calendar = createCalendar(zone);
      const start = calendar.startOfWeek(atMs);
      assert.equal(new Date(`${calendar.day(start)}T12:00:00Z`).getUTCDay(), 1);
      assert.ok(start <= atMs && atMs - start < 7 * 24 * HOUR_MS + HOUR_MS);
    }),
    { numRuns: 40 },
  );
});

test('rejects an unknown time zone', () => {
  assert.throws(() => createCalendar('Middle/Earth'), RangeError);
});
