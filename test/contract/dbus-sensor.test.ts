/**
 * Goal: what a Linux desktop says about its owner arrives as readings, and a desktop that says nothing, hangs,
 * lies about types or goes away costs nothing but the reading.
 * Method: the sensor on a real bus daemon of the test's own; services stand in for logind, UPower, NetworkManager,
 * GNOME and KDE, with the names, paths and types that these publish.
 * Would break: a changed name or type, a service started by asking, an error on the bus that ends the process.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Variant } from '@jellybrick/dbus-next';
import { busAddresses, createDesktopBusSensor } from '../../main/adapters/dbus/index.ts';
import type { Sensor } from '../../main/ports/sensors.ts';
import type { PartialReadings } from '../../shared/readings.ts';
import { type ManualClock, manualClock } from '../fakes/clock.ts';
import { type Answers, openPrivateBus, type PrivateBus, type Service, variants } from './private-bus.ts';

const SESSION = '/org/freedesktop/login1/session/_32';
const MANAGER = '/org/freedesktop/login1 org.freedesktop.login1.Manager';
const MUTTER = '/org/gnome/Mutter/IdleMonitor/Core GetIdletime';

const values = (readings: PartialReadings) =>
  Object.fromEntries(Object.entries(readings).map(([name, reading]) => [name, reading?.value]));

describe('the desktop’s buses', { skip: process.platform !== 'linux' }, () => {
  let system: PrivateBus;
  let session: PrivateBus;
  let sensor: Sensor;
  let clock: ManualClock;
  const services: Service[] = [];
  const on = async (bus: PrivateBus, name: string, answers: Answers) => {
    const service = await bus.serve(name, answers);
    services.push(service);
    return service;
  };

  before(async () => {
    [system, session] = await Promise.all([openPrivateBus(), openPrivateBus()]);
  });
  after(async () => {
    await Promise.all([system.close(), session.close()]);
  });
  beforeEach((context) => {
    clock = manualClock(1_000_000);
    sensor = createDesktopBusSensor({
      addresses: { system: system.address, session: session.address },
      clock,
    });
    assert.ok('after' in context);
    context.after(() => {
      sensor.close();
      for (const service of services.splice(0)) service.close();
    });
  });

  it('a bus without services says nothing', async () => {
    assert.deepEqual(await sensor.read(), {});
  });

  it('a laptop under GNOME: locked, on battery, lid, remote, metered, idle', async () => {
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
    await on(system, 'org.freedesktop.login1', logind);
    await on(
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
    await on(
      system,
      'org.freedesktop.NetworkManager',
      new Map([
        [
          '/org/freedesktop/NetworkManager org.freedesktop.NetworkManager',
          ['v', new Variant('u', 3)] as const,
        ],
      ]),
    );
    await on(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, ['t', 4_200n] as const]]));
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

  it('a film: whoever keeps the display awake is seen, through logind, GNOME or KDE', async () => {
    const logind: Answers = new Map([[MANAGER, variants({ BlockInhibited: ['s', 'sleep:idle'] })]]);
    await on(system, 'org.freedesktop.login1', logind);
    assert.equal((await sensor.read()).displayKeptAwake?.value, true);
    logind.set(MANAGER, variants({ BlockInhibited: ['s', 'sleep'] }));
    const gnome: Answers = new Map([['/org/gnome/SessionManager IsInhibited', ['b', true]]]);
    await on(session, 'org.gnome.SessionManager', gnome);
    clock.advance(61_000);
    assert.equal((await sensor.read()).displayKeptAwake?.value, true);
    gnome.set('/org/gnome/SessionManager IsInhibited', ['b', false]);
    const powerManagement: Answers = new Map([
      ['/org/freedesktop/PowerManagement/Inhibit HasInhibit', ['b', true]],
    ]);
    await on(session, 'org.freedesktop.PowerManagement', powerManagement);
    clock.advance(61_000);
    const other = (await sensor.read()).displayKeptAwake;
    assert.deepEqual([other?.value, other?.source], [true, 'power-management']);
    const kde: Answers = new Map([
      ['/org/kde/Solid/PowerManagement/PolicyAgent HasInhibition', ['b', false]],
    ]);
    await on(session, 'org.kde.Solid.PowerManagement', kde);
    clock.advance(61_000);
    assert.equal((await sensor.read()).displayKeptAwake?.value, false, 'KDE tells films from downloads');
    kde.set('/org/kde/Solid/PowerManagement/PolicyAgent HasInhibition', ['b', true]);
    clock.advance(61_000);
    const film = (await sensor.read()).displayKeptAwake;
    assert.deepEqual([film?.value, film?.source], [true, 'powerdevil']);
  });

  it('idle time is asked with each look, the rest every few seconds, the absent once a minute', async () => {
    const answers: Answers = new Map([[MUTTER, ['t', 0n]]]);
    const mutter = await on(session, 'org.gnome.Mutter.IdleMonitor', answers);
    const logind = await on(
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
  });

  it('GNOME tells of the owner’s return at once, each time, and nobody is told twice', async () => {
    const path = '/org/gnome/Mutter/IdleMonitor/Core';
    const fired = { path, interface: 'org.gnome.Mutter.IdleMonitor', member: 'WatchFired' };
    const watchers: string[] = [];
    const answers: Answers = new Map();
    answers.set(MUTTER, ['t', 60_000n]);
    answers.set(`${path} AddUserActiveWatch`, ({ sender }) => {
      watchers.push(sender ?? '');
      return ['u', watchers.length];
    });
    const mutter = await on(session, 'org.gnome.Mutter.IdleMonitor', answers);
    const seen: unknown[] = [];
    let told = Promise.withResolvers<void>();
    sensor.onOwner?.((readings) => {
      seen.push(values(readings));
      told.resolve();
    });
    for (let back = 1; back <= 2; back += 1) {
      await sensor.read();
      await sensor.read();
      assert.equal(watchers.length, back, 'it is asked once for each time that the owner is away');
      // A watch of somebody else, and what is no number.
      mutter.tell(watchers[0] ?? '', fired, 'u', [99]);
      mutter.tell(watchers[0] ?? '', fired, 's', [`${back}`]);
      mutter.tell(watchers[0] ?? '', fired, 'u', [back]);
      mutter.tell(watchers[0] ?? '', fired, 'u', [back]);
      await told.promise;
      told = Promise.withResolvers();
      // What the bus carried before this answer has arrived with it.
      answers.set(MUTTER, ['t', 10n]);
      await sensor.read();
      assert.deepEqual(seen, Array(back).fill({ inputIdleSeconds: 0 }));
      answers.set(MUTTER, ['t', 60_000n]);
    }
    assert.equal(watchers.length, 2);
  });

  it('a return that is told before the answer is read is heard', async () => {
    const path = '/org/gnome/Mutter/IdleMonitor/Core';
    const answers: Answers = new Map([[MUTTER, ['t', 60_000n]]]);
    answers.set(`${path} AddUserActiveWatch`, ({ sender }) => {
      const fired = { path, interface: 'org.gnome.Mutter.IdleMonitor', member: 'WatchFired' };
      mutter.tell(sender ?? '', fired, 'u', [7]);
      return ['u', 7];
    });
    const mutter = await on(session, 'org.gnome.Mutter.IdleMonitor', answers);
    let seen = 0;
    sensor.onOwner?.(() => {
      seen += 1;
    });
    await sensor.read();
    assert.equal(seen, 1);
  });

  it('an answer of another type is not believed, and the rest still is', async () => {
    await on(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, ['s', 'soon'] as const]]));
    await on(
      system,
      'org.freedesktop.login1',
      new Map([[MANAGER, variants({ LidClosed: ['s', 'yes'], OnExternalPower: ['b', true] })]]),
    );
    assert.deepEqual(values(await sensor.read()), { onBattery: false });
  });

  it('a service that hangs costs a second and its own reading', async () => {
    await on(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, null]]));
    await on(
      system,
      'org.freedesktop.login1',
      new Map([[MANAGER, variants({ OnExternalPower: ['b', true] })]]),
    );
    assert.deepEqual(values(await sensor.read()), { onBattery: false });
  });

  it('nor does it hold up others on its bus, now or later', async () => {
    await on(session, 'org.gnome.Mutter.IdleMonitor', new Map([[MUTTER, null]]));
    const gnome: Answers = new Map([['/org/gnome/SessionManager IsInhibited', ['b', true]]]);
    await on(session, 'org.gnome.SessionManager', gnome);
    for (let look = 0; look < 2; look += 1) {
      assert.deepEqual(values(await sensor.read()), { displayKeptAwake: true });
      clock.advance(5_000);
    }
  });

  it('a bus that dies and comes back is asked again; one that was never there is not', async () => {
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
});

describe('where the buses are', () => {
  it('the environment says it, or the places where they always are', {
    skip: process.platform !== 'linux',
  }, () => {
    const given = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/a', DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/b' };
    assert.deepEqual(busAddresses(given), { session: 'unix:path=/a', system: 'unix:path=/b' });
    assert.equal(busAddresses({ XDG_RUNTIME_DIR: '/nonexistent' }).session, null);
  });
});
