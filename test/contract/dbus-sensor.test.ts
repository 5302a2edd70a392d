/**
 * Verifies: what a Linux desktop reports about its owner arrives as readings, and a desktop that reports nothing, hangs,
 * sends wrong types or goes away costs only that reading.
 * Setup: the sensor on real bus daemons of the test; fakes of logind, UPower, NetworkManager, GNOME and KDE with the
 * names, paths and types that these publish.
 * Fails if: a name or type changes, a call starts a service, or an error on the bus ends the process.
 * Quiet: a service that doesn't answer within a second counts as one that hangs.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Variant } from '@jellybrick/dbus-next';
import { busAddresses, createDesktopBusSensor } from '../../main/adapters/dbus/index.ts';
import type { PartialReadings } from '../../shared/readings.ts';
import { manualClock } from '../fakes/clock.ts';
import { type Answers, openPrivateBus, type PrivateBus, type Service, variants } from './private-bus.ts';

const SESSION = '/org/freedesktop/login1/session/_32';
const MANAGER = '/org/freedesktop/login1 org.freedesktop.login1.Manager';
const MUTTER = '/org/gnome/Mutter/IdleMonitor/Core GetIdletime';

const values = (readings: PartialReadings) =>
  Object.fromEntries(Object.entries(readings).map(([name, reading]) => [name, reading?.value]));

const LINUX = { skip: process.platform !== 'linux' };

/** Opens both buses and a sensor on them, for one test. */
async function setUp(context: TestContext) {
  const [system, session] = await Promise.all([openPrivateBus(), openPrivateBus()]);
  const clock = manualClock(1_000_000);
  const sensor = createDesktopBusSensor({
    addresses: { system: system.address, session: session.address },
    clock,
  });
  const services: Service[] = [];
  const serve = async (bus: PrivateBus, name: string, answers: Answers) => {
    const service = await bus.serve(name, answers);
    services.push(service);
    return service;
  };
  context.after(async () => {
    sensor.close();
    for (const service of services) service.close();
    await Promise.all([system.close(), session.close()]);
  });
  return { system, session, sensor, clock, serve };
}

test('buses without services give no readings', LINUX, async (context) => {
  const { sensor } = await setUp(context);
  assert.deepEqual(await sensor.read(), {});
});

test('a laptop with GNOME: locked, on battery, lid, remote, metered, idle', LINUX, async (context) => {
  const { system, session, sensor, clock, serve } = await setUp(context);
  const logind: Answers = new Map<string, Parameters<Answers['set']>[1]>([
    ['/org/freedesktop/login1 GetSession', ['o', SESSION]],
    [
      MANAGER,
      variants({
        LidClosed: ['b', true],
        OnExternalPower: ['b', false],
        BlockInhibited: ['s', 'shutdown:sleep'],
      }),
    ],
    [
      `${SESSION} org.freedesktop.login1.Session`,
      variants({ LockedHint: ['b', true], Remote: ['b', false] }),
    ],
  ]);
  await serve(system, 'org.freedesktop.login1', logind);
  await serve(
    system,
    'org.freedesktop.UPower',
    new Map([
      [
        '/org/freedesktop/UPower org.freedesktop.UPower',
        variants({ OnBattery: ['b', true], LidIsClosed: ['b', true] }),
      ],
      [
        '/org/freedesktop/UPower/devices/DisplayDevice org.freedesktop.UPower.Device',
        variants({ IsPresent: ['b', true], Percentage: ['d', 61.5] }),
      ],
    ]),
  );
  await serve(
    system,
    'org.freedesktop.NetworkManager',
    new Map([
      ['/org/freedesktop/NetworkManager org.freedesktop.NetworkManager', ['v', new Variant('u', 3)] as const],
    ]),
  );
  await serve(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, ['t', 4_200n] as const]]));
  const readings = await sensor.read();
  assert.deepEqual(values(readings), {
    inputIdleSeconds: 4.2,
    locked: true,
    remote: false,
    lidClosed: true,
    onBattery: true,
    batteryPercent: 61.5,
    metered: true,
    displayKeptAwake: false,
  });
  assert.equal(readings.inputIdleSeconds?.source, 'mutter');
  assert.equal(readings.inputIdleSeconds?.atMs, clock.now());
});

test(
  'a film: detects a program that keeps the display awake through logind, GNOME or KDE',
  LINUX,
  async (context) => {
    const { system, session, sensor, clock, serve } = await setUp(context);
    const logind: Answers = new Map([[MANAGER, variants({ BlockInhibited: ['s', 'sleep:idle'] })]]);
    await serve(system, 'org.freedesktop.login1', logind);
    assert.equal((await sensor.read()).displayKeptAwake?.value, true);
    logind.set(MANAGER, variants({ BlockInhibited: ['s', 'sleep'] }));
    const gnome: Answers = new Map([['/org/gnome/SessionManager IsInhibited', ['b', true]]]);
    await serve(session, 'org.gnome.SessionManager', gnome);
    clock.advance(61_000);
    assert.equal((await sensor.read()).displayKeptAwake?.value, true);
    gnome.set('/org/gnome/SessionManager IsInhibited', ['b', false]);
    const powerManagement: Answers = new Map([
      ['/org/freedesktop/PowerManagement/Inhibit HasInhibit', ['b', true]],
    ]);
    await serve(session, 'org.freedesktop.PowerManagement', powerManagement);
    clock.advance(61_000);
    const other = (await sensor.read()).displayKeptAwake;
    assert.deepEqual([other?.value, other?.source], [true, 'power-management']);
    const kde: Answers = new Map([
      ['/org/kde/Solid/PowerManagement/PolicyAgent HasInhibition', ['b', false]],
    ]);
    await serve(session, 'org.kde.Solid.PowerManagement', kde);
    clock.advance(61_000);
    assert.equal(
      (await sensor.read()).displayKeptAwake?.value,
      false,
      'KDE distinguishes films from downloads',
    );
    kde.set('/org/kde/Solid/PowerManagement/PolicyAgent HasInhibition', ['b', true]);
    clock.advance(61_000);
    const film = (await sensor.read()).displayKeptAwake;
    assert.deepEqual([film?.value, film?.source], [true, 'powerdevil']);
  },
);

test(
  'queries idle time with each poll, the rest every few seconds, and absent services once per minute',
  LINUX,
  async (context) => {
    const { system, session, sensor, clock, serve } = await setUp(context);
    const answers: Answers = new Map([[MUTTER, ['t', 0n]]]);
    const mutter = await serve(session, 'org.gnome.Mutter.IdleMonitor', answers);
    const logind = await serve(
      system,
      'org.freedesktop.login1',
      new Map([[MANAGER, variants({ LidClosed: ['b', false] })]]),
    );
    for (let second = 0; second < 10; second += 1) {
      await sensor.read();
      clock.advance(1_000);
    }
    assert.equal(mutter.asked.length, 10);
    assert.equal(logind.asked.filter((key) => key === MANAGER).length, 2);
    assert.equal(logind.asked.filter((key) => key.endsWith('GetSession')).length, 1);
  },
);

test('GNOME’s signal reports each return of the owner immediately and once', LINUX, async (context) => {
  const { session, sensor, serve } = await setUp(context);
  const path = '/org/gnome/Mutter/IdleMonitor/Core';
  const fired = { path, interface: 'org.gnome.Mutter.IdleMonitor', member: 'WatchFired' };
  const watchers: string[] = [];
  const answers: Answers = new Map();
  answers.set(MUTTER, ['t', 60_000n]);
  answers.set(`${path} AddUserActiveWatch`, ({ sender }) => {
    watchers.push(sender ?? '');
    return ['u', watchers.length];
  });
  const mutter = await serve(session, 'org.gnome.Mutter.IdleMonitor', answers);
  const reported: unknown[] = [];
  let next = Promise.withResolvers<void>();
  sensor.onOwner?.((readings) => {
    reported.push(values(readings));
    next.resolve();
  });
  for (let back = 1; back <= 2; back += 1) {
    await sensor.read();
    await sensor.read();
    assert.equal(watchers.length, back, 'one watch per absence of the owner');
    // Another client's watch, and a value that isn't a number.
    mutter.tell(watchers[0] ?? '', fired, 'u', [99]);
    mutter.tell(watchers[0] ?? '', fired, 's', [`${back}`]);
    mutter.tell(watchers[0] ?? '', fired, 'u', [back]);
    mutter.tell(watchers[0] ?? '', fired, 'u', [back]);
    await next.promise;
    next = Promise.withResolvers();
    // Signals that the bus carried before this reply have arrived with it.
    answers.set(MUTTER, ['t', 10n]);
    await sensor.read();
    assert.deepEqual(reported, Array(back).fill({ inputIdleSeconds: 0 }));
    answers.set(MUTTER, ['t', 60_000n]);
  }
  assert.equal(watchers.length, 2);
});

test('reports a return whose signal arrives before the reply with the watch’s ID', LINUX, async (context) => {
  const { session, sensor, serve } = await setUp(context);
  const path = '/org/gnome/Mutter/IdleMonitor/Core';
  const answers: Answers = new Map([[MUTTER, ['t', 60_000n]]]);
  answers.set(`${path} AddUserActiveWatch`, ({ sender }) => {
    const fired = { path, interface: 'org.gnome.Mutter.IdleMonitor', member: 'WatchFired' };
    mutter.tell(sender ?? '', fired, 'u', [7]);
    return ['u', 7];
  });
  const mutter = await serve(session, 'org.gnome.Mutter.IdleMonitor', answers);
  let reports = 0;
  sensor.onOwner?.(() => {
    reports += 1;
  });
  await sensor.read();
  assert.equal(reports, 1);
});

test('ignores a reply with an unexpected type and keeps the rest', LINUX, async (context) => {
  const { system, session, sensor, serve } = await setUp(context);
  await serve(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, ['s', 'soon'] as const]]));
  await serve(
    system,
    'org.freedesktop.login1',
    new Map([[MANAGER, variants({ LidClosed: ['s', 'yes'], OnExternalPower: ['b', true] })]]),
  );
  assert.deepEqual(values(await sensor.read()), { onBattery: false });
});

test('a service that hangs costs one second and its own reading only', LINUX, async (context) => {
  const { system, session, sensor, serve } = await setUp(context);
  await serve(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, null]]));
  await serve(
    system,
    'org.freedesktop.login1',
    new Map([[MANAGER, variants({ OnExternalPower: ['b', true] })]]),
  );
  assert.deepEqual(values(await sensor.read()), { onBattery: false });
});

test('a service that hangs delays no other service on its bus, then or later', LINUX, async (context) => {
  const { session, sensor, clock, serve } = await setUp(context);
  await serve(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, null]]));
  const gnome: Answers = new Map([['/org/gnome/SessionManager IsInhibited', ['b', true]]]);
  await serve(session, 'org.gnome.SessionManager', gnome);
  for (let poll = 0; poll < 2; poll += 1) {
    assert.deepEqual(values(await sensor.read()), { displayKeptAwake: true });
    clock.advance(5_000);
  }
});

test('survives a bus that goes away, and one that never existed', LINUX, async () => {
  const clock = manualClock(1_000_000);
  const mortal = await openPrivateBus();
  const dying = createDesktopBusSensor({ addresses: { system: null, session: mortal.address }, clock });
  await mortal.serve('org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, ['t', 7_000n] as const]]));
  assert.equal((await dying.read()).inputIdleSeconds?.value, 7);
  await mortal.close();
  assert.deepEqual(await dying.read(), {});
  clock.advance(10_000);
  assert.deepEqual(await dying.read(), {});
  dying.close();
  const nowhere = createDesktopBusSensor({
    addresses: { system: null, session: 'unix:path=/nonexistent/bus' },
    clock,
  });
  assert.deepEqual(await nowhere.read(), {});
  nowhere.close();
});

test('finds the buses in the environment or at their default paths', LINUX, () => {
  const given = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/a', DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/b' };
  assert.deepEqual(busAddresses(given), { session: 'unix:path=/a', system: 'unix:path=/b' });
  assert.equal(busAddresses({ XDG_RUNTIME_DIR: '/nonexistent' }).session, null);
});
