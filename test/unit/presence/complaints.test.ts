/**
 * Verifies: common complaints about similar software don't apply here: films, games and controllers that look idle;
 * failing idle detection; heat; a pause that ends early; no schedule. The numbers are those of docs/complaints.md.
 * Setup: the presence service with the readings of such an evening, on a manual clock.
 * Fails if: a reading wins over one that favors the owner, a limit flaps, or an hour of the schedule moves on a clock
 * change.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createPresence, createSensing } from '../../../main/core/presence/index.ts';
import type { Sensor } from '../../../main/ports/sensors.ts';
import type { PartialReadings } from '../../../shared/readings.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';
import { everyDay } from '../../../shared/week.ts';
import { manualClock } from '../../fakes/clock.ts';
import { type ReadingValues, said } from '../../fakes/readings.ts';

const NOON = Date.UTC(2026, 10, 23, 12);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const AWAY: ReadingValues = { inputIdleSeconds: 3_600, onBattery: false, locked: false };

function evening(chosen: Partial<Settings> = {}, startMs = NOON) {
  const clock = manualClock(startMs);
  const { records } = openDatabase(':memory:');
  let settings: Settings = { ...DEFAULT_SETTINGS, idleMinutes: 5, ...chosen };
  const open = () => {
    const presence = createPresence({
      clock,
      calendar: createCalendar('Europe/Berlin'),
      records,
      settings: () => settings,
    });
    presence.setAvailability('ready');
    return presence;
  };
  const presence = open();
  return {
    clock,
    presence,
    restart: open,
    /** Reports these readings and returns the decision that follows. */
    see(values: ReadingValues, source = 'test') {
      presence.report(said(values, clock.now(), source));
      return presence.current();
    },
    change(patch: Partial<Settings>) {
      settings = { ...settings, ...patch };
      return presence.refresh();
    },
  };
}

test('1: a film, a full-screen game and a controller in use do not count as idle', () => {
  const { see } = evening();
  assert.equal(see(AWAY).decision, 'run');
  assert.equal(see({ ...AWAY, displayKeptAwake: true }).reason, 'display-kept-awake');
  assert.equal(see({ ...AWAY, displayKeptAwake: false, fullScreen: true }).reason, 'full-screen');
  const playing = see({ ...AWAY, fullScreen: false, controllerIdleSeconds: 1 });
  assert.equal(playing.reason, 'controller-in-use');
  assert.equal(playing.untilMs, NOON + 5 * MINUTE_MS - 1_000);
  assert.equal(
    see({ ...AWAY, controllerIdleSeconds: 300, otherGraphicsPercent: 60 }).reason,
    'graphics-in-use',
  );
  assert.equal(
    see({ ...AWAY, otherGraphicsPercent: 12 }).reason,
    'graphics-in-use',
    'a quiet moment in the game',
  );
  assert.equal(see({ ...AWAY, otherGraphicsPercent: 3 }).decision, 'run');
});

test('2: with unknown idle time or a remote session, Idlewatt stays away', () => {
  const { see, clock } = evening();
  assert.equal(see({ onBattery: false }).reason, 'session-unknown');
  // One source reports the owner as away, another one has just seen input.
  see({ ...AWAY }, 'x11');
  assert.equal(see({ ...AWAY, inputIdleSeconds: 4 }, 'mutter').reason, 'owner-active');
  clock.advance(31_000);
  assert.equal(see(AWAY, 'x11').decision, 'run', 'readings older than half a minute don’t count');
  assert.equal(see({ ...AWAY, remote: true }, 'logind').reason, 'remote-session');
  assert.equal(see({ locked: true }, 'x11').reason, 'remote-session');
});

test('2: a lock counts only if no source denies it; a reason to pause counts if one source reports it', () => {
  const { see } = evening();
  assert.equal(see({ inputIdleSeconds: 0, onBattery: false, locked: true }, 'screensaver').decision, 'run');
  assert.equal(see({ locked: false }, 'logind').reason, 'owner-active');
  see(AWAY, 'screensaver');
  assert.equal(see({ fullScreen: false, displayKeptAwake: false }, 'x11').decision, 'run');
  assert.equal(see({ displayKeptAwake: true }, 'logind').reason, 'display-kept-awake');
  see({ onBattery: true }, 'upower');
  assert.equal(see({ onBattery: false }, 'logind').reason, 'on-battery');
});

test('3: throttles near the temperature limit, pauses above it and does not flap', () => {
  const { see, change } = evening({ comfort: 4 });
  const at = (processorCelsius: number) => see({ ...AWAY, processorCelsius }).reason;
  const climb = [83, 84, 83, 81, 80, 86, 88, 89, 88, 84, 80, 79, 78, 84].map(at);
  assert.deepEqual(climb, [
    'idle',
    'too-warm',
    'too-warm',
    'too-warm',
    'idle',
    'too-warm',
    'too-warm',
    'too-hot',
    'too-hot',
    'too-hot',
    'too-hot',
    'too-hot',
    'idle',
    'too-warm',
  ]);
  assert.equal(change({ comfort: 1 }).reason, 'too-hot', 'a lower intensity lowers the limit immediately');
  change({ comfort: 5, wattsMax: 150 });
  const watts = [149, 150, 140, 134].map(
    (value) => see({ ...AWAY, processorCelsius: 50, watts: value }).reason,
  );
  assert.deepEqual(watts, ['idle', 'too-much-power', 'too-much-power', 'idle']);
});

test('4: neither time nor a restart nor the owner’s absence ends a pause early', () => {
  const { presence, see, clock, restart } = evening();
  see(AWAY);
  presence.pause('2-hours');
  clock.advance(2 * HOUR_MS - 1);
  assert.equal(see(AWAY).reason, 'paused-by-owner');
  presence.stop();
  const second = restart();
  second.report(said({ ...AWAY, locked: true }, clock.now()));
  assert.equal(second.current().reason, 'paused-by-owner');
  clock.advance(1);
  assert.equal(second.current().reason, 'idle');
  second.pause('resume');
  clock.advance(72 * HOUR_MS);
  assert.equal(second.current().reason, 'paused-by-owner');
});

test('5: the schedule follows local time, even across a clock change', () => {
  const night = { scheduleOn: true, schedule: everyDay(22, 6) };
  // 24 October 2026, 20:00 in Berlin (summer time); the clocks go back in the coming night.
  const { see, clock } = evening(night, Date.UTC(2026, 9, 24, 18));
  const waiting = see(AWAY);
  assert.equal(waiting.reason, 'outside-schedule');
  assert.equal(waiting.untilMs, Date.UTC(2026, 9, 24, 20), '22:00 in summer');
  clock.advance(Date.UTC(2026, 9, 24, 20) - clock.now());
  assert.equal(see(AWAY).decision, 'run');
  // 06:00 in winter time is an hour later than it was yesterday.
  clock.advance(Date.UTC(2026, 9, 25, 4, 59) - clock.now());
  assert.equal(see(AWAY).decision, 'run');
  clock.advance(Date.UTC(2026, 9, 25, 5) - clock.now());
  assert.equal(see(AWAY).untilMs, Date.UTC(2026, 9, 25, 21), '22:00 in winter');
});

test('5: handles an hour that a clock change skips, and one that it repeats', () => {
  const hour = everyDay(2, 3);
  // 29 March 2026: 02:00 to 03:00 does not exist in Berlin; the next one is on the 30th.
  const spring = evening({ onlyOffPeakHours: true, offPeakHours: hour }, Date.UTC(2026, 2, 29, 0, 30));
  assert.equal(spring.see(AWAY).reason, 'outside-off-peak');
  assert.equal(spring.see(AWAY).untilMs, Date.UTC(2026, 2, 30, 0));
  // 25 October 2026: the hour comes twice, at 00:00 and 01:00 UTC.
  const autumn = evening({ onlyOffPeakHours: true, offPeakHours: hour }, Date.UTC(2026, 9, 25, 0, 30));
  assert.equal(autumn.see(AWAY).decision, 'run');
  autumn.clock.advance(Date.UTC(2026, 9, 25, 1, 30) - autumn.clock.now());
  assert.equal(autumn.see(AWAY).decision, 'run');
  autumn.clock.advance(Date.UTC(2026, 9, 25, 2) - autumn.clock.now());
  assert.equal(autumn.see(AWAY).reason, 'outside-off-peak');
});

test('5: a schedule without hours has no next time', () => {
  const never = Array.from({ length: 7 }, () => '0'.repeat(24));
  const { see } = evening({ scheduleOn: true, schedule: never });
  assert.deepEqual([see(AWAY).reason, see(AWAY).untilMs], ['outside-schedule', null]);
});

test('follows events of a sensor immediately; a sensor that hangs or fails delays no other', async () => {
  const { presence, clock } = evening();
  let reportInput: (readings: PartialReadings) => void = () => {};
  let closed = 0;
  const faults: unknown[] = [];
  const source = (name: string, read: () => Promise<PartialReadings>): Sensor => ({
    name,
    read,
    close: () => {
      closed += 1;
    },
  });
  const withEvents: Sensor = {
    ...source('x11', async () => said(AWAY, clock.now(), 'x11')),
    onOwner(listener) {
      reportInput = listener;
      return () => {
        reportInput = () => {};
      };
    },
  };
  let polls = 0;
  const hanging = source('dbus', () => {
    polls += 1;
    return new Promise(() => {});
  });
  const failing = source('broken', () => Promise.reject(new Error('a bug')));
  const sensing = createSensing({
    sensors: [withEvents, hanging, failing],
    ...{ clock, isAtRest: () => false },
    report: presence.report,
    fault: (error) => faults.push(error),
  });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  await turn();
  assert.equal(presence.current().decision, 'run');
  clock.advance(3_000);
  await turn();
  assert.equal(polls, 1, 'a sensor that hangs isn’t polled again');
  assert.ok(faults.length >= 1);
  const reasons: string[] = [];
  presence.onChange(({ reason }) => reasons.push(reason));
  reportInput(said({ inputIdleSeconds: 0 }, clock.now(), 'x11'));
  assert.deepEqual(reasons, ['owner-active'], 'without waiting for the next poll');
  // The desktop shell polls less often and sends an older reading.
  presence.report(said(AWAY, clock.now() - 1, 'electron'));
  assert.equal(presence.current().reason, 'owner-active', 'a slower source doesn’t undo it');
  sensing.stop();
  assert.equal(closed, 3);
});
