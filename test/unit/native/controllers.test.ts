/**
 * Verifies: a controller counts as owner input when a button or a stick moves, and not when a worn stick drifts.
 * Setup: the bytes that the kernel writes (its two structures, written here field by field), through named pipes in a
 * folder in place of /dev/input, because some kernels have no virtual devices.
 * Fails if: an offset is wrong, half an event is lost between two reads, the state at opening counts as a movement, or a
 * read blocks.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  createEventFileReader,
  createJoystickReader,
  hasGameButtons,
} from '../../../main/adapters/native/controller-events.ts';
import { createControllerSensor } from '../../../main/adapters/native/index.ts';
import { loadNative } from '../../../native/index.ts';
import { buildNative } from '../../../scripts/lib/native-build.ts';

const BUTTON = 1;
const AXIS = 2;
const INITIAL = 0x80;

/** `struct js_event`: milliseconds, value, type, number. */
function joystickEvent(type: number, number: number, value: number): Buffer {
  const event = Buffer.alloc(8);
  event.writeUInt32LE(123_456, 0);
  event.writeInt16LE(value, 4);
  event.writeUInt8(type, 6);
  event.writeUInt8(number, 7);
  return event;
}

/** `struct input_event` of a 64-bit system: seconds, microseconds, type, code, value. */
function inputEvent(type: number, code: number, value: number): Buffer {
  const event = Buffer.alloc(24);
  event.writeBigInt64LE(1_700_000_000n, 0);
  event.writeBigInt64LE(250_000n, 8);
  event.writeUInt16LE(type, 16);
  event.writeUInt16LE(code, 18);
  event.writeInt32LE(value, 20);
  return event;
}

describe('controller events', () => {
  it('count buttons and wide movements of sticks, not drift', () => {
    const moved = createJoystickReader();
    assert.equal(moved(joystickEvent(AXIS | INITIAL, 0, 9_000)), false, 'the state at opening');
    assert.equal(moved(joystickEvent(BUTTON | INITIAL, 0, 1)), false, 'the state at opening');
    assert.equal(moved(joystickEvent(AXIS, 0, 9_500)), false, 'drift around its position');
    assert.equal(moved(joystickEvent(AXIS, 0, 20_000)), true);
    assert.equal(moved(joystickEvent(AXIS, 0, 20_400)), false, 'held');
    assert.equal(moved(joystickEvent(AXIS, 1, -30_000)), true, 'another axis');
    assert.equal(moved(joystickEvent(BUTTON, 3, 1)), true);
    assert.equal(moved(joystickEvent(BUTTON, 3, 0)), true, 'released');
  });

  it('never count a stick that drifts within an eighth of its range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -28_000, max: 28_000 }),
        fc.array(fc.integer({ min: -4_000, max: 4_000 })),
        (rest, drift) => {
          const moved = createJoystickReader();
          moved(joystickEvent(AXIS | INITIAL, 2, rest));
          return drift.every((offset) => !moved(joystickEvent(AXIS, 2, rest + offset)));
        },
      ),
    );
  });

  it('count the same wherever they are split between two reads', () => {
    const events = Buffer.concat([
      joystickEvent(AXIS, 0, 100),
      joystickEvent(AXIS, 1, 200),
      joystickEvent(BUTTON, 0, 1),
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: events.length }), (cut) => {
        const moved = createJoystickReader();
        const parts = [moved(events.subarray(0, cut)), moved(events.subarray(cut))];
        assert.deepEqual(parts, cut === events.length ? [true, false] : [false, true]);
      }),
    );
  });

  it('count buttons and hats of raw events, not sticks, reports or scan codes', () => {
    const moved = createEventFileReader();
    assert.equal(moved(inputEvent(0, 0, 0)), false, 'end of a report');
    assert.equal(moved(inputEvent(4, 4, 0x9_0001)), false, 'scan code');
    assert.equal(moved(inputEvent(3, 0x00, 131)), false, 'stick');
    assert.equal(moved(inputEvent(3, 0x10, -1)), true, 'hat');
    assert.equal(moved(inputEvent(1, 0x130, 1)), true, 'button');
  });

  it('distinguish a controller from a keyboard and a mouse by the kernel’s description', () => {
    // Values of /sys/class/input/event*/device/capabilities/key.
    assert.equal(hasGameButtons('7cdb000000000000 0 0 0 0'), true, 'a gamepad');
    assert.equal(hasGameButtons('fff00000000 0 0 0 0'), true, 'a joystick');
    assert.equal(hasGameButtons('1c03 0 0 0 0 0'), false, 'a drawing tablet');
    assert.equal(hasGameButtons('1f0000 0 0 0 0'), false, 'a mouse');
    assert.equal(
      hasGameButtons('402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe'),
      false,
      'a keyboard',
    );
    assert.equal(hasGameButtons(''), false);
  });
});

const POSIX = { skip: process.platform === 'win32' };
const LINUX = { skip: process.platform !== 'linux' };

/** Creates a sensor on an empty folder, for one test. */
function setUp(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-controllers-'));
  const time = { nowMs: 1_000_000 };
  const writers: number[] = [];
  mkdirSync(join(folder, 'devices'));
  const sensor = createControllerSensor({
    devices: join(folder, 'devices'),
    descriptions: join(folder, 'descriptions'),
    platform: 'linux',
    now: () => time.nowMs,
  });
  context.after(() => {
    sensor.close();
    for (const writer of writers) closeSync(writer);
    rmSync(folder, { recursive: true, force: true });
  });

  function plugIn(name: string, keys: string | null): (bytes: Buffer) => void {
    const path = join(folder, 'devices', name);
    execFileSync('mkfifo', [path]);
    if (keys !== null) {
      mkdirSync(join(folder, 'descriptions', name, 'device/capabilities'), { recursive: true });
      writeFileSync(join(folder, 'descriptions', name, 'device/capabilities/key'), `${keys}\n`);
    }
    // Opened for reading as well, so that opening doesn't wait for a reader.
    const writer = openSync(path, constants.O_RDWR);
    writers.push(writer);
    return (bytes) => writeSync(writer, bytes);
  }
  const idle = async () => (await sensor.read()).controllerIdleSeconds;
  return { sensor, time, plugIn, idle };
}

test('reports nothing without a controller', POSIX, async (context) => {
  const { plugIn, idle } = setUp(context);
  assert.equal(await idle(), null);
  plugIn('mouse0', null);
  plugIn('event1', '1f0000 0 0 0 0');
  assert.equal(await idle(), null);
});

test('counts from the last movement, without waiting for the next', POSIX, async (context) => {
  const { time, plugIn, idle } = setUp(context);
  const write = plugIn('js0', null);
  write(joystickEvent(AXIS | INITIAL, 0, 0));
  const first = { value: 0, source: 'controllers', atMs: time.nowMs };
  assert.deepEqual(await idle(), first, 'counts from when it was found');
  time.nowMs += 30_000;
  write(joystickEvent(AXIS, 0, 500));
  assert.equal((await idle())?.value, 30);
  write(joystickEvent(BUTTON, 0, 1));
  assert.equal((await idle())?.value, 0);
  time.nowMs += 5_000;
  assert.equal((await idle())?.value, 5);
});

test(
  'reports a return immediately, but not what follows or drift, and finds later controllers',
  LINUX,
  async (context) => {
    const { state, reason } = buildNative();
    assert.notEqual(state, 'missing', reason ?? '');
    const { sensor, time, plugIn, idle } = setUp(context);
    const events = new EventEmitter();
    const unsubscribe = sensor.onOwner?.((readings) => events.emit('owner', readings));
    const nextReport = () => once(events, 'owner', { signal: AbortSignal.timeout(5_000) });
    assert.equal(await idle(), null);
    const write = plugIn('js0', null);
    write(joystickEvent(AXIS | INITIAL, 0, 0));
    await idle();
    let reports = 0;
    events.on('owner', () => {
      reports += 1;
    });
    for (const event of [joystickEvent(BUTTON, 0, 1), joystickEvent(AXIS, 0, 20_000)]) {
      time.nowMs += 30_000;
      // The sensor isn't polled in between: if drift were reported, the count below would be higher.
      write(joystickEvent(AXIS, 1, 500));
      const next = nextReport();
      write(event);
      assert.deepEqual(await next, [
        { controllerIdleSeconds: { value: 0, source: 'controllers', atMs: time.nowMs } },
      ]);
    }
    time.nowMs += 500;
    write(joystickEvent(BUTTON, 0, 0));
    assert.equal((await idle())?.value, 0, 'the game continues');
    time.nowMs += 30_000;
    const writeOther = plugIn('js1', null);
    await idle();
    const next = nextReport();
    writeOther(joystickEvent(BUTTON, 0, 1));
    await next;
    assert.equal(reports, 3);
    unsubscribe?.();
  },
);

test('reads raw events where the kernel creates no joystick file for the device', POSIX, async (context) => {
  const { time, plugIn, idle } = setUp(context);
  const write = plugIn('event7', '7cdb000000000000 0 0 0 0');
  await idle();
  time.nowMs += 9_000;
  assert.equal((await idle())?.value, 9);
  write(Buffer.concat([inputEvent(1, 0x130, 1), inputEvent(0, 0, 0)]));
  assert.equal((await idle())?.value, 0);
});

test('uses the native part on Windows, and returns null without it', async () => {
  const absent = loadNative('/absent/idlewatt.node');
  const read = (idleMs: number | null) =>
    createControllerSensor({
      platform: 'win32',
      native: { ...absent, controllerIdleMs: () => idleMs },
    }).read();
  assert.equal((await read(4_000)).controllerIdleSeconds?.value, 4);
  assert.equal((await read(null)).controllerIdleSeconds, null);
});
