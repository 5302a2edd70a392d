/**
 * Verifies: the machine is used only if its owner allows it, and there is always exactly one reason to show.
 * Setup: properties over every combination of readings and rules; the service on a manual clock.
 * Fails if: an unknown reading counts as idle, a stale reading is used, or a restart loses a pause.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createPresence, decide, type PresenceRules } from '../../../main/core/presence/index.ts';
import type { MachineLockState } from '../../../main/ports/machine-lock.ts';
import { comfortLimits, HOT_CELSIUS } from '../../../shared/comfort.ts';
import {
  decisionOf,
  type Presence,
  presenceReasonSchema,
  presenceSchema,
  STORAGE_REASONS,
} from '../../../shared/presence.ts';
import type { ReadingName, Readings } from '../../../shared/readings.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { type ReadingValues, said } from '../../fakes/readings.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const MINUTE_MS = 60_000;

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const yesOrNo = maybe(fc.boolean());
const anyReadings: fc.Arbitrary<Readings> = fc
  .record({
    inputIdleSeconds: maybe(fc.integer({ min: 0, max: 20_000 })),
    controllerIdleSeconds: maybe(fc.integer({ min: 0, max: 20_000 })),
    locked: yesOrNo,
    remote: yesOrNo,
    fullScreen: yesOrNo,
    displayKeptAwake: yesOrNo,
    lidClosed: yesOrNo,
    onBattery: yesOrNo,
    metered: yesOrNo,
    otherProcessorPercent: maybe(fc.integer({ min: 0, max: 100 })),
    otherGraphicsPercent: maybe(fc.integer({ min: 0, max: 100 })),
    processorCelsius: maybe(fc.integer({ min: 20, max: 110 })),
    graphicsCelsius: maybe(fc.integer({ min: 20, max: 110 })),
    watts: maybe(fc.integer({ min: 0, max: 500 })),
  })
  .map((values) => said(values, NOW));
const anyRules: fc.Arbitrary<PresenceRules> = fc.record({
  runWhen: fc.constantFrom('idle' as const, 'always' as const),
  idleMinutes: fc.integer({ min: 1, max: 240 }),
  runOnBattery: fc.boolean(),
  runOnMetered: fc.boolean(),
  onlyWhenLocked: fc.boolean(),
  pauseForFullScreen: fc.boolean(),
  pauseForDisplayAwake: fc.boolean(),
  pauseForOtherPrograms: fc.boolean(),
  pauseForOtherUsers: fc.boolean(),
  isTakenByOther: fc.boolean(),
  comfort: fc.constantFrom(1, 2, 3, 4, 5),
  wattsMax: maybe(fc.integer({ min: 1, max: 500 })),
  scheduleFromMs: maybe(fc.integer({ min: NOW - 10, max: NOW + 10 })),
  offPeakFromMs: maybe(fc.integer({ min: NOW - 10, max: NOW + 10 })),
  startedUntilMs: maybe(fc.integer({ min: NOW - 10, max: NOW + 10 })),
  pause: maybe(
    fc.record({
      sinceMs: fc.constant(NOW - MINUTE_MS),
      untilMs: maybe(fc.integer({ min: NOW - 10, max: NOW + 10 })),
    }),
  ),
  storage: maybe(fc.constantFrom(...STORAGE_REASONS)),
  availability: fc.constantFrom(
    'starting',
    'ready',
    'no-model',
    'engine-gave-up',
    'unconfined',
    'processor-off',
  ),
});
const anyBefore = maybe(fc.constantFrom(...presenceReasonSchema.options));

test('every combination gives one reason, which matches the decision', () => {
  fc.assert(
    fc.property(anyReadings, anyRules, anyBefore, (readings, rules, before) => {
      const presence = presenceSchema.parse(decide(readings, rules, NOW, before));
      assert.equal(presence.decision, decisionOf(presence.reason));
      assert.ok(presence.untilMs === null || presence.untilMs > NOW - MINUTE_MS * 240);
      assert.deepEqual(
        decide(readings, rules, NOW, before),
        presence,
        'the same arguments give the same result',
      );
    }),
    { numRuns: 5_000 },
  );
});

test('runs only if no known reading forbids it and the owner is known to be away', () => {
  fc.assert(
    fc.property(anyReadings, anyRules, anyBefore, (readings, rules, before) => {
      const { decision } = decide(readings, rules, NOW, before);
      if (decision === 'pause') return;
      const value = (name: ReadingName) => readings[name]?.value ?? null;
      const { pause } = rules;
      assert.ok(pause === null || (pause.untilMs !== null && pause.untilMs <= NOW));
      assert.equal(rules.storage, null, 'what can’t be recorded isn’t begun');
      assert.equal(rules.availability, 'ready');
      assert.ok(!rules.pauseForOtherUsers || !rules.isTakenByOther);
      assert.ok(rules.scheduleFromMs !== null && rules.scheduleFromMs <= NOW);
      assert.ok(rules.offPeakFromMs !== null && rules.offPeakFromMs <= NOW);
      assert.ok(rules.runOnBattery || value('onBattery') !== true);
      assert.ok(rules.runOnMetered || value('metered') !== true);
      const limits = comfortLimits(rules.comfort);
      assert.ok(Number(value('processorCelsius')) < limits.processorCelsiusMax + HOT_CELSIUS);
      assert.ok(Number(value('graphicsCelsius')) < limits.graphicsCelsiusMax + HOT_CELSIUS);
      if (rules.wattsMax !== null && Number(value('watts')) >= rules.wattsMax)
        assert.equal(decision, 'throttle');
      const isStarted = rules.startedUntilMs !== null && rules.startedUntilMs > NOW;
      if (rules.runWhen === 'always' || isStarted) return;
      assert.ok(
        rules.runOnBattery || value('onBattery') === false,
        'an unknown power source counts as battery',
      );
      assert.notEqual(value('remote'), true);
      assert.ok(!rules.onlyWhenLocked || value('locked') === true);
      if (rules.pauseForOtherPrograms) {
        assert.ok(Number(value('otherGraphicsPercent')) < 20);
        assert.ok(Number(value('otherProcessorPercent')) < 50);
      }
      if (value('locked') === true) return;
      const idleSeconds = value('inputIdleSeconds');
      assert.ok(
        idleSeconds !== null && Number(idleSeconds) >= rules.idleMinutes * 60,
        'unknown idle time doesn’t count as away',
      );
      const controller = value('controllerIdleSeconds');
      assert.ok(controller === null || Number(controller) >= rules.idleMinutes * 60);
      assert.ok(!rules.pauseForFullScreen || value('fullScreen') !== true);
      assert.ok(!rules.pauseForDisplayAwake || value('displayKeptAwake') !== true);
    }),
    { numRuns: 10_000 },
  );
});

const ready: PresenceRules = {
  ...DEFAULT_SETTINGS,
  idleMinutes: 5,
  pause: null,
  startedUntilMs: null,
  storage: null,
  availability: 'ready',
  isTakenByOther: false,
  scheduleFromMs: NOW,
  offPeakFromMs: NOW,
};
const AWAY: ReadingValues = { inputIdleSeconds: 300, onBattery: false, locked: false };
const reason = (values: ReadingValues, rules: Partial<PresenceRules> = {}) =>
  decide(said(values, NOW), { ...ready, ...rules }, NOW).reason;

test('gives each reason', () => {
  assert.equal(reason(AWAY), 'idle');
  assert.equal(reason({ ...AWAY, inputIdleSeconds: 299 }), 'owner-active');
  assert.equal(reason({ ...AWAY, inputIdleSeconds: 0, locked: true }), 'idle');
  assert.equal(reason({ ...AWAY, onBattery: true }), 'on-battery');
  assert.equal(reason({ ...AWAY, onBattery: true }, { runOnBattery: true }), 'idle');
  assert.equal(reason({ ...AWAY, onBattery: true }, { runWhen: 'always' }), 'on-battery');
  assert.equal(reason({ ...AWAY, lidClosed: true, onBattery: true }, { runOnBattery: true }), 'lid-closed');
  assert.equal(reason({ ...AWAY, lidClosed: true }), 'idle');
  assert.equal(reason({}), 'session-unknown');
  assert.equal(reason({ ...AWAY, inputIdleSeconds: null }), 'session-unknown');
  assert.equal(reason({ ...AWAY, onBattery: null }), 'session-unknown');
  assert.equal(reason({}, { runWhen: 'always' }), 'always-on');
  assert.equal(reason({ ...AWAY, metered: true }), 'metered');
  assert.equal(reason(AWAY, { scheduleFromMs: NOW + 1 }), 'outside-schedule');
  assert.equal(reason(AWAY, { scheduleFromMs: null }), 'outside-schedule');
  assert.equal(reason(AWAY, { offPeakFromMs: NOW + 1 }), 'outside-off-peak');
  assert.equal(reason(AWAY, { onlyWhenLocked: true }), 'not-locked');
  assert.equal(reason({ ...AWAY, locked: null }, { onlyWhenLocked: true }), 'session-unknown');
  assert.equal(reason({ ...AWAY, locked: true, remote: true }), 'remote-session');
  assert.equal(reason({ ...AWAY, controllerIdleSeconds: 2 }), 'controller-in-use');
  assert.equal(reason({ ...AWAY, fullScreen: true }), 'full-screen');
  assert.equal(reason({ ...AWAY, displayKeptAwake: true }), 'display-kept-awake');
  assert.equal(reason({ ...AWAY, otherGraphicsPercent: 20 }), 'graphics-in-use');
  assert.equal(reason({ ...AWAY, locked: true, otherProcessorPercent: 50 }), 'processor-in-use');
  assert.equal(reason({ ...AWAY, processorCelsius: 84 }), 'too-warm');
  assert.equal(reason({ ...AWAY, graphicsCelsius: 81 }), 'too-hot');
  assert.equal(reason({ ...AWAY, watts: 100 }, { wattsMax: 100 }), 'too-much-power');
  assert.equal(reason(AWAY, { availability: 'no-model' }), 'no-model');
  assert.equal(reason(AWAY, { availability: 'starting' }), 'starting');
  assert.equal(reason(AWAY, { availability: 'engine-gave-up' }), 'engine-gave-up');
  assert.equal(reason(AWAY, { availability: 'unconfined' }), 'unconfined');
  assert.equal(reason(AWAY, { availability: 'processor-off' }), 'processor-off');
  assert.equal(reason(AWAY, { storage: 'disk-full', availability: 'no-model' }), 'disk-full');
  assert.equal(reason(AWAY, { storage: 'database-lost', runWhen: 'always' }), 'database-lost');
  const pause = { sinceMs: 1, untilMs: null };
  assert.equal(reason(AWAY, { pause, storage: 'disk-full' }), 'paused-by-owner');
});

test('doesn’t pause for what the owner turned off', () => {
  assert.equal(reason({ ...AWAY, fullScreen: true }, { pauseForFullScreen: false }), 'idle');
  assert.equal(reason({ ...AWAY, displayKeptAwake: true }, { pauseForDisplayAwake: false }), 'idle');
  assert.equal(reason({ ...AWAY, otherGraphicsPercent: 90 }, { pauseForOtherPrograms: false }), 'idle');
  assert.equal(reason({ ...AWAY, metered: true }, { runOnMetered: true }), 'idle');
});

test('reports when it would begin while the owner is active', () => {
  const presence = decide(said({ ...AWAY, inputIdleSeconds: 60 }, NOW), ready, NOW);
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
      settings: () => ({ ...DEFAULT_SETTINGS, idleMinutes: 5, runWhen }),
    });
    presence.setAvailability('ready');
    return presence;
  };
  return { clock, create };
}

test('follows readings until they go stale', () => {
  const { clock, create } = setUp();
  const presence = create();
  const reasons: Presence['reason'][] = [];
  presence.onChange(({ reason }) => reasons.push(reason));
  presence.report(said(AWAY, clock.now()));
  const { sinceMs } = presence.current();
  clock.advance(20_000);
  assert.deepEqual([presence.current().reason, presence.current().sinceMs], ['idle', sinceMs]);
  clock.advance(11_000);
  presence.report(said({ ...AWAY, inputIdleSeconds: 1 }, clock.now()));
  assert.deepEqual(reasons, ['idle', 'session-unknown', 'owner-active']);
});

test('a pause survives a restart, ends automatically, and has its start and end time', () => {
  const { clock, create } = setUp('always');
  const first = create();
  assert.equal(first.current().reason, 'always-on');
  assert.equal(first.pause('30-minutes').untilMs, NOW + 30 * MINUTE_MS);
  clock.advance(MINUTE_MS);
  first.stop();
  const second = create();
  const { reason, sinceMs, untilMs } = second.current();
  assert.deepEqual([reason, sinceMs, untilMs], ['paused-by-owner', NOW, NOW + 30 * MINUTE_MS]);
  const reasons: Presence['reason'][] = [];
  second.onChange((presence) => reasons.push(presence.reason));
  clock.advance(29 * MINUTE_MS);
  assert.deepEqual(reasons, ['always-on']);
});

test('a pause until the owner resumes has no end; resuming ends it permanently', () => {
  const { clock, create } = setUp('always');
  const first = create();
  assert.equal(first.pause('resume').untilMs, null);
  clock.advance(1_000 * MINUTE_MS);
  assert.equal(first.current().reason, 'paused-by-owner');
  assert.equal(first.resume().reason, 'always-on');
  first.stop();
  assert.equal(create().current().reason, 'always-on');
});

test('a start by the owner runs for an hour although they use the machine, and then waits for them again', () => {
  const { clock, create } = setUp();
  const presence = create();
  const atWork = () => presence.report(said({ ...AWAY, inputIdleSeconds: 1 }, clock.now()));
  atWork();
  assert.equal(presence.current().reason, 'owner-active');
  const { decision, reason, untilMs } = presence.startNow('1-hour');
  assert.deepEqual([decision, reason, untilMs], ['run', 'started-by-owner', NOW + 60 * MINUTE_MS]);
  clock.advance(60 * MINUTE_MS - 1_000);
  atWork();
  assert.equal(presence.current().reason, 'started-by-owner');
  clock.advance(1_000);
  atWork();
  assert.equal(presence.current().reason, 'owner-active');
});

test('a start by the owner lasts as long as they chose, and can be ended early', () => {
  const { clock, create } = setUp();
  const presence = create();
  const atWork = () => presence.report(said({ ...AWAY, inputIdleSeconds: 1 }, clock.now()));
  atWork();
  assert.equal(presence.startNow('4-hours').untilMs, NOW + 240 * MINUTE_MS);
  assert.equal(presence.startNow('8-hours').untilMs, NOW + 480 * MINUTE_MS);
  // 13:00 in Berlin; the next morning there is 08:00, which is 07:00 UTC.
  assert.equal(presence.startNow('tomorrow').untilMs, Date.UTC(2026, 10, 24, 7));
  const { decision, reason } = presence.endStart();
  assert.deepEqual([decision, reason], ['pause', 'owner-active']);
});

test('a pause ends what the owner started, also over a restart', () => {
  const { clock, create } = setUp();
  const presence = create();
  const atWork = () => presence.report(said({ ...AWAY, inputIdleSeconds: 1 }, clock.now()));
  presence.startNow('1-hour');
  presence.pause('resume');
  presence.resume();
  atWork();
  assert.equal(presence.current().reason, 'owner-active');
  presence.startNow('1-hour');
  presence.pause('resume');
  presence.stop();
  assert.equal(create().resume().reason, 'session-unknown');
});

test('a start by the owner survives a restart until its end, unless they ended it', () => {
  const { clock, create } = setUp();
  const first = create();
  const untilMs = NOW + 240 * MINUTE_MS;
  first.startNow('4-hours');
  first.stop();
  clock.advance(120 * MINUTE_MS);
  const second = create();
  assert.deepEqual([second.current().reason, second.current().untilMs], ['started-by-owner', untilMs]);
  clock.advance(120 * MINUTE_MS);
  assert.equal(second.current().reason, 'session-unknown');
  second.startNow('1-hour');
  second.endStart();
  second.stop();
  assert.equal(create().current().reason, 'session-unknown');
});

test('a clock that is set back makes a start by the owner no longer, also over a restart', () => {
  const { clock, create } = setUp();
  const first = create();
  first.startNow('1-hour');
  clock.setTimeBy(-30 * MINUTE_MS);
  clock.advance(59 * MINUTE_MS);
  assert.equal(first.current().reason, 'started-by-owner');
  clock.advance(MINUTE_MS);
  assert.equal(first.current().reason, 'session-unknown');
  first.stop();
  const second = create();
  assert.equal(second.current().reason, 'session-unknown', 'the end was stored');
  second.startNow('1-hour');
  second.stop();
  clock.setTimeBy(-MINUTE_MS);
  assert.equal(create().current().reason, 'session-unknown', 'the clock shows a time before the start');
});

test('a start by the owner ends their pause', () => {
  const { create } = setUp();
  const presence = create();
  presence.pause('resume');
  assert.equal(presence.startNow('1-hour').reason, 'started-by-owner');
});

test('a start by the owner still spares the battery, a hot machine and metered networks', () => {
  const started = { startedUntilMs: NOW + MINUTE_MS };
  const busy = { ...AWAY, inputIdleSeconds: 0, fullScreen: true, remote: true };
  assert.equal(reason(busy, started), 'started-by-owner');
  assert.equal(reason({ ...busy, onBattery: true }, started), 'on-battery');
  assert.equal(reason({ ...busy, metered: true }, started), 'metered');
  assert.equal(reason({ ...busy, graphicsCelsius: 110 }, started), 'too-hot');
  assert.equal(reason({ ...busy, onBattery: null }, started), 'started-by-owner');
  assert.equal(reason(busy, { startedUntilMs: NOW }), 'remote-session');
});

test('"until tomorrow" means the next morning in local time', () => {
  const { create } = setUp('always');
  // 13:00 in Berlin; the next morning there is 08:00, which is 07:00 UTC.
  assert.equal(create().pause('tomorrow').untilMs, Date.UTC(2026, 10, 24, 7));
});

test('a second pause replaces the first and notifies listeners', () => {
  const { clock, create } = setUp('always');
  const presence = create();
  const ends: (number | null)[] = [];
  presence.onChange(({ untilMs }) => ends.push(untilMs));
  presence.pause('1-hour');
  clock.advance(MINUTE_MS);
  presence.pause('2-hours');
  assert.deepEqual(ends, [NOW + 60 * MINUTE_MS, NOW + 121 * MINUTE_MS]);
});

test('is starting until the availability is set', () => {
  const clock = manualClock(NOW);
  const presence = createPresence({
    clock,
    calendar: createCalendar('UTC'),
    records: openDatabase(':memory:').records,
    settings: () => ({ ...DEFAULT_SETTINGS, idleMinutes: 5, runWhen: 'always' }),
  });
  assert.equal(presence.current().reason, 'starting');
  presence.setAvailability('engine-gave-up');
  assert.equal(presence.current().reason, 'engine-gave-up');
});

test('pauses with the fault of the storage and resumes without it', () => {
  const presence = createPresence({
    clock: manualClock(NOW),
    calendar: createCalendar('UTC'),
    records: openDatabase(':memory:').records,
    settings: () => ({ ...DEFAULT_SETTINGS, runWhen: 'always' }),
  });
  presence.setAvailability('ready');
  const seen: string[] = [];
  presence.onChange(({ reason: each }) => seen.push(each));
  for (const fault of [...STORAGE_REASONS, null]) presence.setStorage(fault);
  assert.deepEqual(seen, [...STORAGE_REASONS, 'always-on']);
});

test('waits for another user’s agent only while all else allows running, and not if the owner turned that off', () => {
  let state: MachineLockState = 'free';
  const calls: string[] = [];
  const listeners = new Set<() => void>();
  const become = (next: MachineLockState) => {
    state = next;
    for (const listener of listeners) listener();
  };
  let pauseForOtherUsers = true;
  const presence = createPresence({
    clock: manualClock(NOW),
    calendar: createCalendar('UTC'),
    records: openDatabase(':memory:').records,
    settings: () => ({ ...DEFAULT_SETTINGS, runWhen: 'always', pauseForOtherUsers }),
    lock: {
      state: () => state,
      want() {
        calls.push('want');
        if (state === 'free') state = 'asking';
      },
      release() {
        calls.push('release');
        state = 'free';
      },
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  });
  assert.ok(!calls.includes('want'), 'nothing to run with yet');
  presence.setAvailability('ready');
  assert.equal(presence.current().reason, 'starting', 'no answer yet');
  const seen: string[] = [];
  presence.onChange(({ reason: each }) => seen.push(each));
  become('taken');
  become('asking');
  become('held');
  become('asking');
  assert.deepEqual(seen, ['other-user', 'always-on'], 'a holder of the same user may end');
  become('taken');
  pauseForOtherUsers = false;
  assert.equal(presence.refresh().reason, 'always-on');
  calls.length = 0;
  presence.pause('resume');
  assert.deepEqual([...new Set(calls)], ['release']);
  presence.resume();
  presence.stop();
  assert.equal(state, 'free');
});
