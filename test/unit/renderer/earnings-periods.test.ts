/**
 * Verifies: the chart of earnings has a place for each day of its week or month and each month of its year, and a payout is
 * expected on the first day by which enough is.
 * Setup: days around the ends of weeks, months and years.
 * Fails if: a period loses or repeats a day, a week begins on Sunday, or a payout is promised for a day that doesn't reach it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeComingDay, writeMonthName } from '../../../renderer/format.ts';
import { daysLeft, placesOf } from '../../../renderer/pages/earnings-periods.ts';
import { dayOfReaching } from '../../../renderer/parts/payout-day.ts';

test('a week runs from Monday to Sunday, across the end of a year', () => {
  assert.deepEqual(placesOf('week', '2027-01-01'), [
    '2026-12-28',
    '2026-12-29',
    '2026-12-30',
    '2026-12-31',
    '2027-01-01',
    '2027-01-02',
    '2027-01-03',
  ]);
  assert.equal(placesOf('week', '2026-11-29')[0], '2026-11-23');
  assert.deepEqual([daysLeft('week', '2026-11-29'), daysLeft('week', '2026-11-30')], [1, 7]);
});

test('a month has all of its days, a year all of its months', () => {
  assert.equal(placesOf('month', '2028-02-10').length, 29);
  assert.deepEqual(
    [placesOf('month', '2026-12-05')[0], placesOf('month', '2026-12-05').at(-1)],
    ['2026-12-01', '2026-12-31'],
  );
  assert.deepEqual([daysLeft('month', '2026-12-31'), daysLeft('month', '2026-12-01')], [1, 31]);
  assert.deepEqual(
    [placesOf('year', '2026-11-30')[0], placesOf('year', '2026-11-30').at(-1)],
    ['2026-01', '2026-12'],
  );
});

test('a payout is expected on the first day by which enough is, or not at all', () => {
  const days = [
    { day: '2026-11-30', expected: '100' },
    { day: '2026-12-01', expected: '200' },
  ];
  assert.equal(dayOfReaching(100n, days), '2026-11-30');
  assert.equal(dayOfReaching(101n, days), '2026-12-01');
  assert.equal(dayOfReaching(300n, days), '2026-12-01');
  assert.equal(dayOfReaching(301n, days), null);
});

test('a coming day is its weekday, and the current one is today', () => {
  assert.equal(writeComingDay('2026-12-05', '2026-11-30', 'en'), 'Sat');
  assert.equal(writeComingDay('2026-11-30', '2026-11-30', 'en'), 'today');
  assert.equal(writeComingDay('2026-11-30', '2026-11-30', 'de'), 'heute');
  assert.equal(writeMonthName('2026-11-30', 'en'), 'November');
});
