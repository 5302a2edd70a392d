/**
 * Verifies: the preview of the next 24 hours matches what happens then, even across clock changes.
 * Setup: days in four time zones, with and without a clock change; each foreseen moment is compared with the decision
 * of a presence service whose clock shows that moment.
 * Fails if: hours are counted as elapsed time instead of local time, a pause hides what comes after it, the preview has
 * rules of its own, or there is a gap.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createPresence } from '../../../main/core/presence/index.ts';
import type { PauseUntil } from '../../../shared/presence.ts';
import { pauseUntilSchema } from '../../../shared/presence.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';
import { everyDay } from '../../../shared/week.ts';
import { manualClock } from '../../fakes/clock.ts';
import { said } from '../../fakes/readings.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function at(startMs: number, chosen: Partial<Settings>, timeZone = 'Europe/Berlin') {
  const records = createMemoryRecordStore();
  const calendar = createCalendar(timeZone);
  const settings = () => ({ ...DEFAULT_SETTINGS, ...chosen });
  const open = (nowMs: number) => {
    const presence = createPresence({ clock: manualClock(nowMs), calendar, records, settings });
    presence.setAvailability('ready');
    presence.report(said({ inputIdleSeconds: 90_000, onBattery: false, locked: true }, nowMs));
    return presence;
  };
  return { now: open(startMs), decided: (atMs: number) => open(atMs).current() };
}

/** Returns each stretch as [hours since the start, reason]. */
function preview(startMs: number, chosen: Partial<Settings>, pause?: PauseUntil) {
  const { now } = at(startMs, chosen);
  if (pause !== undefined) now.pause(pause);
  const { stretches } = now.schedulePreview();
  return stretches.map(({ fromMs, reason }) => [(fromMs - startMs) / HOUR_MS, reason ?? 'allowed']);
}

test('without rules, the whole day is one stretch that starts now', () => {
  const nowMs = Date.UTC(2026, 10, 23, 12, 7);
  const { timeZone, stretches } = at(nowMs, {}).now.schedulePreview();
  assert.equal(timeZone, 'Europe/Berlin');
  assert.deepEqual(stretches, [{ fromMs: nowMs, untilMs: nowMs + DAY_MS, reason: null }]);
});

test('the schedule comes before off-peak hours and a pause before both, to the minute', () => {
  const nowMs = Date.UTC(2026, 10, 23, 18, 10); // 19:10 in Berlin
  const rules = {
    scheduleOn: true,
    schedule: everyDay(20, 8),
    onlyOffPeakHours: true,
    offPeakHours: everyDay(22, 6),
  };
  assert.deepEqual(preview(nowMs, rules), [
    [0, 'outside-schedule'],
    [50 / 60, 'outside-off-peak'],
    [2 + 50 / 60, 'allowed'],
    [10 + 50 / 60, 'outside-off-peak'],
    [12 + 50 / 60, 'outside-schedule'],
  ]);
  assert.deepEqual(preview(nowMs, rules, '1-hour').slice(0, 2), [
    [0, 'paused-by-owner'],
    [1, 'outside-off-peak'],
  ]);
  assert.deepEqual(preview(nowMs, rules, 'resume'), [[0, 'paused-by-owner']]);
});

test('an hour that a clock change skips is missing, and one that it repeats lasts two', () => {
  const hour = { onlyOffPeakHours: true, offPeakHours: everyDay(2, 3) };
  // 28 March 2026, 23:00 in Berlin: 02:00 becomes 03:00.
  assert.deepEqual(preview(Date.UTC(2026, 2, 28, 22), hour), [[0, 'outside-off-peak']]);
  // 24 October 2026, 23:00 in Berlin: 03:00 becomes 02:00.
  assert.deepEqual(preview(Date.UTC(2026, 9, 24, 21), hour), [
    [0, 'outside-off-peak'],
    [3, 'allowed'],
    [5, 'outside-off-peak'],
  ]);
});

test('a schedule for the night is an hour shorter in spring and an hour longer in autumn', () => {
  const night = { scheduleOn: true, schedule: everyDay(22, 6) };
  const from = (startMs: number) => preview(startMs, night).slice(0, 2);
  assert.deepEqual(from(Date.UTC(2026, 2, 28, 21)), [
    [0, 'allowed'],
    [7, 'outside-schedule'],
  ]);
  assert.deepEqual(from(Date.UTC(2026, 9, 24, 20)), [
    [0, 'allowed'],
    [9, 'outside-schedule'],
  ]);
  assert.deepEqual(from(Date.UTC(2026, 5, 1, 20)), [
    [0, 'allowed'],
    [8, 'outside-schedule'],
  ]);
});

const ZONES = {
  'Europe/Berlin': [Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 9, 24, 12)],
  'America/New_York': [Date.UTC(2026, 2, 7, 18), Date.UTC(2026, 9, 31, 18)],
  // Daylight saving time of half an hour.
  'Australia/Lord_Howe': [Date.UTC(2026, 3, 4, 2), Date.UTC(2026, 9, 3, 2)],
  'Asia/Kathmandu': [Date.UTC(2026, 0, 1, 12)],
};
const places = Object.entries(ZONES).flatMap(([zone, days]) => days.map((dayMs) => ({ zone, dayMs })));
const anyWeek = fc.array(
  fc.array(fc.constantFrom('0', '1'), { minLength: 24, maxLength: 24 }).map((hours) => hours.join('')),
  { minLength: 7, maxLength: 7 },
);

test('for any rules, zone and day, there is no gap and each moment is decided as foreseen', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...places),
      fc.integer({ min: 0, max: 12 * 60 }),
      fc.record({
        scheduleOn: fc.boolean(),
        schedule: anyWeek,
        onlyOffPeakHours: fc.boolean(),
        offPeakHours: anyWeek,
      }),
      fc.option(fc.constantFrom(...pauseUntilSchema.options), { nil: null }),
      ({ zone, dayMs }, minutes, rules, pause) => {
        const startMs = dayMs + minutes * 60_000;
        const { now, decided } = at(startMs, rules, zone);
        if (pause !== null) now.pause(pause);
        const { stretches } = now.schedulePreview();
        assert.equal(stretches[0]?.fromMs, startMs);
        assert.equal(stretches.at(-1)?.untilMs, startMs + DAY_MS);
        for (const [index, { fromMs, untilMs, reason }] of stretches.entries()) {
          const next = stretches[index + 1];
          assert.ok(next === undefined || (next.fromMs === untilMs && next.reason !== reason));
          for (const moment of [fromMs, (fromMs + untilMs) / 2, untilMs - 1]) {
            const { reason: then } = decided(moment);
            assert.equal(then === 'idle' ? null : then, reason, new Date(moment).toISOString());
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
