/**
 * Verifies: the coming hours of today are expected to bring what earlier days had free and worked, at today's price.
 * Setup: whole days made up by the test, and generated ones.
 * Fails if: something is expected after too few days, of an hour that is over or closed by the owner's rules, or beyond
 *   what the machine can earn; the range leaves out what is expected; a price doesn't count in proportion.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type RestOfDayFacts, restOfDay } from '../../../main/core/forecast/index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A Tuesday, 12:30 UTC. */
const TODAY = Date.UTC(2026, 10, 24);
const NOON = TODAY + 12.5 * HOUR_MS;
const OPEN = [{ fromMs: NOON, untilMs: NOON + DAY_MS, reason: null }];
const HOURS = Array.from({ length: 24 }, (_, hour) => ({
  weekday: 1,
  hour,
  fromMs: TODAY + hour * HOUR_MS,
  toMs: TODAY + (hour + 1) * HOUR_MS,
}));

/** A day so many days ago; `free` and `use` are shares of each hour, from 0 to 1. */
function dayBefore(daysAgo: number, free: (hour: number) => number, use: number) {
  const dayMs = TODAY - daysAgo * DAY_MS;
  return Array.from({ length: 24 }, (_, hour) => ({
    dayMs,
    weekday: (8 - (daysAgo % 7)) % 7,
    hour,
    freeMs: free(hour) * HOUR_MS,
    busyMs: free(hour) * use * HOUR_MS,
  }));
}

function factsOf(changed: Partial<RestOfDayFacts>): RestOfDayFacts {
  return {
    nowMs: NOON,
    hours: HOURS,
    past: [1, 2, 3].flatMap((ago) => dayBefore(ago, evening, 0.5)),
    stretches: OPEN,
    perBusyHour: { low: 100, high: 100 },
    ...changed,
  };
}
const evening = (hour: number) => (hour >= 18 ? 1 : 0);

test('days that were all alike are expected again', () => {
  const rest = restOfDay(factsOf({}));
  assert.deepEqual(
    rest?.hours.map((expected) => expected && Math.round(expected)),
    HOURS.map(({ hour }) => (hour < 12 ? null : hour < 18 ? 0 : 50)),
  );
  assert.deepEqual([rest.expected, rest.low, rest.high, rest.days].map(Math.round), [300, 300, 300, 3]);
});

test('two days are too few', () => {
  const past = [1, 2].flatMap((ago) => dayBefore(ago, evening, 0.5));
  assert.equal(restOfDay(factsOf({ past })), null);
});

test('the same weekday counts more than other days, and a day of last week more than one of last month', () => {
  const last = [1, 2, 3, 4, 5, 6].flatMap((ago) => dayBefore(ago, evening, 0));
  const shareOf = (ago: number) =>
    (restOfDay(factsOf({ past: [...dayBefore(ago, evening, 1), ...last] }))?.expected ?? 0) / 600;
  assert.ok(shareOf(7) > 1 / 4, `${shareOf(7)} for the same weekday`);
  assert.ok(shareOf(8) < 1 / 7, `${shareOf(8)} for another day`);
  assert.ok(shareOf(14) < shareOf(7));
});

test('an hour counts only as far as it is still to come and the owner’s rules are open', () => {
  const always = [1, 2, 3].flatMap((ago) => dayBefore(ago, () => 1, 1));
  const paused = [
    { fromMs: NOON, untilMs: NOON + 2 * HOUR_MS, reason: 'paused-by-owner' as const },
    { fromMs: NOON + 2 * HOUR_MS, untilMs: NOON + DAY_MS, reason: null },
  ];
  const all = restOfDay(factsOf({ past: always }))?.hours ?? [];
  assert.deepEqual(
    [all[11], all[12], all[13]].map((value) => value && Math.round(value)),
    [null, 50, 100],
  );
  const late = restOfDay(factsOf({ past: always, stretches: paused }))?.hours ?? [];
  assert.deepEqual(
    [late[12], late[13], late[14], late[15]].map((value) => value && Math.round(value)),
    [0, 0, 50, 100],
  );
});

const anyFacts: fc.Arbitrary<RestOfDayFacts> = fc
  .record({
    nowMs: fc.integer({ min: TODAY, max: TODAY + DAY_MS - 1 }),
    days: fc.array(
      fc.record({
        ago: fc.integer({ min: 1, max: 28 }),
        free: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 24, maxLength: 24 }),
        use: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { maxLength: 12 },
    ),
    reasons: fc.array(fc.constantFrom(null, 'outside-schedule' as const), { minLength: 24, maxLength: 24 }),
    low: fc.double({ min: 0, max: 1_000, noNaN: true }),
    more: fc.double({ min: 0, max: 1_000, noNaN: true }),
  })
  .map(({ nowMs, days, reasons, low, more }) => ({
    nowMs,
    hours: HOURS,
    past: [...new Map(days.map((day) => [day.ago, day])).values()].flatMap(({ ago, free, use }) =>
      dayBefore(ago, (hour) => free[hour] ?? 0, use),
    ),
    stretches: reasons.map((reason, index) => ({
      fromMs: nowMs + index * HOUR_MS,
      untilMs: nowMs + (index + 1) * HOUR_MS,
      reason,
    })),
    perBusyHour: { low, high: low + more },
  }));

test('for any days: nothing before three of them, never more than the machine can earn, in proportion to the price', () => {
  const close = (left: number, right: number) =>
    assert.ok(Math.abs(left - right) <= 1e-6 * Math.max(1, Math.abs(left)), `${left} is not ${right}`);
  void fc.assert(
    fc.property(anyFacts, (facts) => {
      const rest = restOfDay(facts);
      const days = new Set(facts.past.map(({ dayMs }) => dayMs)).size;
      assert.equal(rest === null, days < 3);
      if (rest === null) return;
      assert.equal(rest.days, days);
      assert.ok(rest.low >= 0 && rest.low <= rest.expected && rest.expected <= rest.high);
      close(
        rest.hours.reduce<number>((sum, hour) => sum + (hour ?? 0), 0),
        rest.expected,
      );
      const open = facts.stretches.filter(({ reason }) => reason === null);
      for (const [index, { fromMs, toMs }] of facts.hours.entries()) {
        const expected: number | null = rest.hours[index] ?? null;
        assert.equal(expected === null, toMs <= facts.nowMs);
        const openMs = open.reduce(
          (sum, { fromMs: from, untilMs }) =>
            sum + Math.max(0, Math.min(toMs, untilMs) - Math.max(fromMs, from)),
          0,
        );
        const most = (openMs / HOUR_MS) * facts.perBusyHour.high;
        assert.ok((expected ?? 0) >= 0 && (expected ?? 0) <= most + 1e-6);
      }
      const { low, high } = facts.perBusyHour;
      const twice = restOfDay({ ...facts, perBusyHour: { low: 2 * low, high: 2 * high } });
      close(twice?.expected ?? 0, 2 * rest.expected);
    }),
    { numRuns: 500 },
  );
});
