/**
 * `npm run bench -- presence`: what looking costs while a desktop answers: every sensor of the agent, asked once a
 * second as it does, against a message bus whose services another process plays.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createDesktopBusSensor } from '../../main/adapters/dbus/index.ts';
import { createHardwareSensor } from '../../main/adapters/linux/index.ts';
import {
  createControllerSensor,
  createInputSensor,
  createNvmlSensor,
} from '../../main/adapters/native/index.ts';
import {
  createMachineReader,
  createMachineSensor,
  createOtherLoadSensor,
} from '../../main/adapters/systeminformation/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createPresence } from '../../main/core/presence/index.ts';
import { type Clock, systemClock } from '../../main/ports/clock.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { createMemoryRecordStore } from '../../test/fakes/record-store.ts';
import { openOwnersDisplay } from './hand-back-input.ts';
import { atMost, type BenchResult, progress } from './result.ts';

const LOOKS = 300;
const WARM_UP_LOOKS = 20;
const LOOK_EVERY_MS = 1_000;
const SERVICES = fileURLToPath(new URL('./desktop-services.ts', import.meta.url));

export async function run(): Promise<BenchResult> {
  const display = await openOwnersDisplay();
  const services = spawn(process.execPath, [SERVICES], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const output = createInterface({ input: forceUnwrap('it is read', services.stdout) });
    const [address] = (await once(output, 'line')) as [string];
    return await measure(address, display !== null);
  } finally {
    services.stdin?.end();
    await once(services, 'exit');
    await display?.close();
  }
}

async function measure(address: string, hasDisplay: boolean): Promise<BenchResult> {
  // A look a second, without waiting for it: what is due every few seconds is due as often.
  let passedMs = 0;
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + passedMs,
    monotonic: () => systemClock.monotonic() + passedMs,
  };
  const sensors = [
    createMachineSensor(createMachineReader({ now: clock.now })),
    createOtherLoadSensor({ now: clock.now }),
    createHardwareSensor({ clock, usesGraphics: () => false }),
    createInputSensor({ now: clock.now }),
    createControllerSensor({ now: clock.now }),
    createNvmlSensor({ ownPids: () => [], now: clock.now }),
    createDesktopBusSensor({ addresses: { system: address, session: address }, clock }),
  ];
  const presence = createPresence({
    clock,
    calendar: createCalendar('Europe/Berlin'),
    records: createMemoryRecordStore(),
    settings: () => ({ ...DEFAULT_SETTINGS, scheduleOn: true, onlyOffPeakHours: true }),
  });
  presence.setAvailability('ready');
  for (const sensor of sensors) sensor.onOwner?.(presence.report);
  const look = async () => {
    passedMs += LOOK_EVERY_MS;
    for (const said of await Promise.all(sensors.map((sensor) => sensor.read()))) presence.report(said);
    presence.refresh();
  };
  progress(`Looking ${LOOKS} times.`);
  for (let count = 0; count < WARM_UP_LOOKS; count += 1) await look();
  const before = process.cpuUsage();
  for (let count = 0; count < LOOKS; count += 1) await look();
  const { user, system } = process.cpuUsage(before);
  const known = Object.values(presence.readings()).filter((reading) => reading !== null).length;
  for (const sensor of sensors) sensor.close();
  presence.stop();
  const presencePercentOfCore = (100 * (user + system)) / 1000 / (LOOKS * LOOK_EVERY_MS);
  return {
    figures: { presencePercentOfCore, readingsKnown: known },
    goals: { presencePercentOfCore: atMost(presencePercentOfCore, 0.3) },
    notes: [
      `${LOOKS} looks, as many as ${LOOKS} seconds have; processor time of this process alone, all threads`,
      hasDisplay ? 'on a virtual X11 display, listened to as well' : 'no X11 display could be had',
      'the desktop’s services are played by another process, whose time is not counted',
      'programs that the system starts for temperature and watts, where it has them, are not counted',
    ],
  };
}
