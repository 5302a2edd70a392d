/**
 * Goal: the machine is used only when its owner allows it, and there is always one reason to show.
 * Method: properties over every combination of readings and rules; the service on a clock moved by hand.
 * Would break: an unknown that counts as idle, a stale reading that is believed, a pause lost by a restart.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import {
  createPresence,
  decide,
  type PresenceRules,
  READINGS_AGE_MS_MAX,
} from '../../../main/core/presence/index.ts';
import type { Readings } from '../../../shared/api/contract.ts';
import { type Presence, presenceSchema } from '../../../shared/presence.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const MINUTE_MS = 60_000;

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const anyReadings: fc.Arbitrary<Readings | null> = maybe(
  fc.record({
    idleSeconds: maybe(fc.integer({ min: 0, max: 20_000 })),
    onBattery: maybe(fc.boolean()),
    locked: maybe(fc.boolean()),
    atMs: fc.integer({ min: NOW - 2 * READINGS_AGE_MS_MAX, max: NOW + 2 * READINGS_AGE_MS_MAX }),
  }),
);
const anyRules: fc.Arbitrary<PresenceRules> = fc.record({
  runWhen: fc.constantFrom('idle' as const, 'always' as const),
  idleMinutes: fc.integer({ min: 1, max: 240 }),
  runOnBattery: fc.boolean(),
  pause: maybe(
    fc.record({
      sinceMs: fc.constant(NOW - MINUTE_MS),
      untilMs: maybe(fc.integer({ min: NOW - 10, max: NOW + 10 })),
    }),
  ),
  availability: fc.constantFrom('starting', 'ready', 'no-model', 'engine-gave-up'),
});

test('every combination gives one reason, which agrees with the decision', () => {
  fc.assert(
    fc.property(anyReadings, anyRules, (readings, rules) => {
      const presence = presenceSchema.parse(decide(readings, rules, NOW));
      const runs = presence.reason === 'idle' || presence.reason === 'always-on';
      assert.equal(presence.decision, runs ? 'run' : 'pause');
      assert.deepEqual(decide(readings, rules, NOW), presence, 'the same question, the same answer');
    }),
    { numRuns: 2_000 },
  );
});

test('it runs only for a reason: always, or fresh readings that say the owner is away', () => {
  fc.assert(
    fc.property(anyReadings, anyRules, (readings, rules) => {
      if (decide(readings, rules, NOW).decision !== 'run') return;
      const { pause } = rules;
      assert.ok(pause === null || (pause.untilMs !== null && pause.untilMs <= NOW));
      assert.equal(rules.availability, 'ready');
      if (rules.runWhen === 'always') return;
      assert.ok(readings && Math.abs(NOW - readings.atMs) <= READINGS_AGE_MS_MAX);
      assert.ok(rules.runOnBattery || readings.onBattery === false);
      assert.ok(readings.locked === true || (readings.idleSeconds ?? -1) >= rules.idleMinutes * 60);
    }),
    { numRuns: 5_000 },
  );
});

const ready: PresenceRules = { ...DEFAULT_SETTINGS, pause: null, availability: 'ready' };
const away: Readings = { idleSeconds: 300, onBattery: false, locked: false, atMs: NOW };

test('each reason, by example', () => {
  const reason = (readings: Readings | null, rules: PresenceRules) => decide(readings, rules, NOW).reason;
  assert.equal(reason(away, ready), 'idle');
  assert.equal(reason({ ...away, idleSeconds: 299 }, ready), 'owner-active');
  assert.equal(reason({ ...away, idleSeconds: 0, locked: true }, ready), 'idle');
  assert.equal(reason({ ...away, onBattery: true }, ready), 'on-battery');
  assert.equal(reason({ ...away, onBattery: true }, { ...ready, runOnBattery: true }), 'idle');
  assert.equal(reason(null, ready), 'session-unknown');
  assert.equal(reason({ ...away, atMs: NOW - READINGS_AGE_MS_MAX - 1 }, ready), 'session-unknown');
  assert.equal(reason({ ...away, idleSeconds: null }, ready), 'session-unknown');
  assert.equal(reason({ ...away, onBattery: null }, ready), 'session-unknown');
  assert.equal(reason(null, { ...ready, runWhen: 'always' }), 'always-on');
  assert.equal(reason(away, { ...ready, availability: 'no-model' }), 'no-model');
  assert.equal(reason(away, { ...ready, pause: { sinceMs: 1, untilMs: null } }), 'paused-by-owner');
});

test('while the owner is active it says when it would begin', () => {
  const presence = decide({ ...away, idleSeconds: 60 }, ready, NOW);
  assert.equal(presence.untilMs, NOW + 4 * MINUTE_MS);
});

function setUp(runWhen: 'idle' | 'always' = 'idle') {
  const clock = manualClock(NOW);
  const { records } = openDatabase(':memory:');
  const create = () => {
    const presence = createPresence({
      clock,
      calendar: createCalendar('Europe/Berlin'),
      records,
      settings: () => ({ ...DEFAULT_SETTINGS, runWhen }),
    });
    presence.setAvailability('ready');
    return presence;
  };
  return { clock, create };
}

test('readings decide, and stop deciding when they go stale', () => {
  const { clock, create } = setUp();
  const presence = create();
  const heard: Presence['reason'][] = [];
  presence.onChange(({ reason }) => heard.push(reason));
  presence.report(away);
  const { sinceMs } = presence.current();
  clock.advance(20_000);
  assert.deepEqual([presence.current().reason, presence.current().sinceMs], ['idle', sinceMs]);
  clock.advance(11_000);
  presence.report({ ...away, idleSeconds: 1, atMs: clock.now() });
  assert.deepEqual(heard, ['idle', 'session-unknown', 'owner-active']);
});

test('a pause survives a restart, ends by itself, and says since when and until when', () => {
  const { clock, create } = setUp('always');
  const first = create();
  assert.equal(first.current().reason, 'always-on');
  assert.equal(first.pause('30-minutes').untilMs, NOW + 30 * MINUTE_MS);
  clock.advance(MINUTE_MS);
  first.stop();
  const second = create();
  const { reason, sinceMs, untilMs } = second.current();
  assert.deepEqual([reason, sinceMs, untilMs], ['paused-by-owner', NOW, NOW + 30 * MINUTE_MS]);
  const heard: Presence['reason'][] = [];
  second.onChange((presence) => heard.push(presence.reason));
  clock.advance(29 * MINUTE_MS);
  assert.deepEqual(heard, ['always-on']);
});

test('a pause until the owner resumes has no end; resuming ends it for good', () => {
  const { clock, create } = setUp('always');
  const first = create();
  assert.equal(first.pause('resume').untilMs, null);
  clock.advance(1_000 * MINUTE_MS);
  assert.equal(first.current().reason, 'paused-by-owner');
  assert.equal(first.resume().reason, 'always-on');
  first.stop();
  assert.equal(create().current().reason, 'always-on');
});

test('until tomorrow means the next morning where the owner lives', () => {
  const { create } = setUp('always');
  // 13:00 in Berlin; the next morning there is 08:00, which is 07:00 UTC.
  assert.equal(create().pause('tomorrow').untilMs, Date.UTC(2026, 10, 24, 7));
});

test('a second pause replaces the first and is told', () => {
  const { clock, create } = setUp('always');
  const presence = create();
  const ends: (number | null)[] = [];
  presence.onChange(({ untilMs }) => ends.push(untilMs));
  presence.pause('1-hour');
  clock.advance(MINUTE_MS);
  presence.pause('2-hours');
  assert.deepEqual(ends, [NOW + 60 * MINUTE_MS, NOW + 121 * MINUTE_MS]);
});

test('it is starting until it is told otherwise', () => {
  const clock = manualClock(NOW);
  const presence = createPresence({
    clock,
    calendar: createCalendar('UTC'),
    records: openDatabase(':memory:').records,
    settings: () => ({ ...DEFAULT_SETTINGS, runWhen: 'always' }),
  });
  assert.equal(presence.current().reason, 'starting');
  presence.setAvailability('engine-gave-up');
  assert.equal(presence.current().reason, 'engine-gave-up');
});
