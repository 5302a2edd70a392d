/**
 * `npm run bench -- presence`: measures the CPU time of all sensors of the agent, polled once per second as the agent
 * does, with a message bus whose services are faked by another process.
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
import { openInputDisplay } from './hand-back-input.ts';
import { atMost, type BenchResult, progress } from './result.ts';

const POLLS = 300;
const WARM_UP_POLLS = 20;
const POLL_EVERY_MS = 1_000;
const SERVICES = fileURLToPath(new URL('./desktop-services.ts', import.meta.url));

export async function run(): Promise<BenchResult> {
  const display = await openInputDisplay();
  const services = spawn(process.execPath, [SERVICES], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const output = createInterface({ input: forceUnwrap('the piped output', services.stdout) });
    const [address] = (await once(output, 'line')) as [string];
    return await measure(address, display !== null);
  } finally {
    services.stdin?.end();
    await once(services, 'exit');
    await display?.close();
  }
}

async function measure(address: string, hasDisplay: boolean): Promise<BenchResult> {
  // Simulates one poll per second without waiting, so that work due every few seconds happens as often as it would.
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
  const poll = async () => {
    passedMs += POLL_EVERY_MS;
    for (const readings of await Promise.all(sensors.map((sensor) => sensor.read()))) {
      presence.report(readings);
    }
    presence.refresh();
  };
  progress(`Polling ${POLLS} times.`);
  for (let count = 0; count < WARM_UP_POLLS; count += 1) await poll();
  const before = process.cpuUsage();
  for (let count = 0; count < POLLS; count += 1) await poll();
  const { user, system } = process.cpuUsage(before);
  const known = Object.values(presence.readings()).filter((reading) => reading !== null).length;
  for (const sensor of sensors) sensor.close();
  presence.stop();
  const presencePercentOfCore = (100 * (user + system)) / 1000 / (POLLS * POLL_EVERY_MS);
  return {
    figures: { presencePercentOfCore, readingsKnown: known },
    goals: { presencePercentOfCore: atMost(presencePercentOfCore, 0.3) },
    notes: [
      `${POLLS} polls, as many as in ${POLLS} s; CPU time of only this process, all threads`,
      hasDisplay ? 'with a virtual X11 display, including its events' : 'without an X11 display',
      'the desktop’s services are faked by another process, whose time is not counted',
      'programs that are started for temperature and power draw, on systems that need them, are not counted',
    ],
  };
}
