/**
 * Verifies: an X server reports the owner's return immediately, and only that.
 * Setup: Xvfb and real input events by XTEST; the sensor isn't polled while it listens.
 * Fails if: a report waits for the next poll or comes without input or for each key, a lost server ends the watch for
 * good, or the watch keeps the process alive.
 * Quiet: reports are timed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createInputSensor } from '../../main/adapters/native/index.ts';
import type { Sensor } from '../../main/ports/sensors.ts';
import { buildNative } from '../../scripts/lib/native-build.ts';
import { openVirtualDisplay, type VirtualDisplay } from '../../scripts/lib/virtual-display.ts';
import { openVirtualHand, type VirtualHand } from '../../scripts/lib/virtual-input.ts';
import type { PartialReadings } from '../../shared/readings.ts';

/** Longer than the second without input after which input counts as a return. */
const AWAY_MS = 1_200;
/** Far below the second between two polls, and far above what a busy machine needs. */
const REPORTED_MS_MAX = 300;
const CHILD = `
const { createInputSensor } = await import('${fileURLToPath(new URL('../../main/adapters/native/index.ts', import.meta.url))}');
const sensor = createInputSensor();
sensor.onOwner(() => console.log('input'));
await sensor.read();
process.stdin.resume();
`;

const LINUX = { skip: process.platform !== 'linux', timeout: 120_000 };

let display: VirtualDisplay;
let hand: VirtualHand;

async function openDisplay(): Promise<void> {
  display = await openVirtualDisplay({ width: 640, height: 480 });
  hand = openVirtualHand(display.env);
}

before(async () => {
  if (LINUX.skip) return;
  const { state, reason } = buildNative();
  assert.notEqual(state, 'missing', reason ?? '');
  await openDisplay();
});
after(async () => {
  if (LINUX.skip) return;
  await hand.close();
  await display.close();
});

const openSensor = (options: { readonly now?: () => number } = {}) =>
  createInputSensor({ environment: () => ({ DISPLAY: display.env.DISPLAY }), ...options });

/** Listens to the sensor and waits for its first report, so that the watch is active, however long that took. */
async function listen(sensor: Sensor) {
  const reports: { readonly readings: PartialReadings; readonly atMs: number }[] = [];
  const events = new EventEmitter();
  const unsubscribe = sensor.onOwner?.((readings) => {
    reports.push({ readings, atMs: performance.timeOrigin + performance.now() });
    events.emit('report');
  });
  await sensor.read();
  await pressUntil(once(events, 'report'));
  await setTimeout(AWAY_MS);
  reports.length = 0;
  return { reports, unsubscribe, next: () => once(events, 'report') };
}

async function pressUntil(happened: Promise<unknown>): Promise<void> {
  let isOver = false;
  const ended = happened.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await hand.press('a');
    await Promise.race([ended, setTimeout(AWAY_MS)]);
  }
}

test(
  'reports a key or the mouse immediately, never without input, and once for many keys',
  LINUX,
  async () => {
    const sensor = openSensor();
    const { reports, unsubscribe, next } = await listen(sensor);
    await setTimeout(2 * AWAY_MS);
    assert.equal(reports.length, 0, 'there was no input');
    for (const act of [() => hand.press('a'), () => hand.move(20, 30)]) {
      const reported = next();
      const inputAtMs = await act();
      await reported;
      const [first, ...more] = reports.splice(0);
      assert.equal(more.length, 0);
      assert.equal(first?.readings.inputIdleSeconds?.value, 0);
      assert.equal(first?.readings.inputIdleSeconds?.source, 'x11');
      const passedMs = (first?.atMs ?? 0) - inputAtMs;
      assert.ok(passedMs < REPORTED_MS_MAX, `reported after ${passedMs} ms`);
      await setTimeout(AWAY_MS);
    }
    const reported = next();
    for (let key = 0; key < 10; key += 1) await hand.press('a');
    await reported;
    const { inputIdleSeconds } = await sensor.read();
    assert.ok((inputIdleSeconds?.value ?? 9) < 1, 'the following poll agrees');
    assert.equal(reports.length, 1, 'ten keys are one return');
    unsubscribe?.();
    await setTimeout(AWAY_MS);
    await hand.press('a');
    await setTimeout(REPORTED_MS_MAX);
    assert.equal(reports.length, 1, 'no report after unsubscribing');
    sensor.close();
  },
);

test('survives the end of the X server and watches the next one', LINUX, async () => {
  let nowMs = 1_000_000;
  const sensor = openSensor({ now: () => nowMs });
  const { next } = await listen(sensor);
  await hand.close();
  await display.close();
  assert.equal((await sensor.read()).inputIdleSeconds, null);
  await openDisplay();
  nowMs += 10_000;
  await sensor.read();
  await pressUntil(next());
  sensor.close();
});

test('doesn’t keep the process alive', LINUX, async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], {
    env: { PATH: process.env.PATH, DISPLAY: display.env.DISPLAY },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await pressUntil(once(createInterface({ input: child.stdout }), 'line'));
  // Its standard input is the only other thing that keeps the child alive.
  child.stdin.end();
  assert.deepEqual(await ended, [0, null]);
});
