/**
 * Goal: an X server tells of the owner's return at once, and only then. Method: Xvfb and real input events by XTEST,
 * the sensor never asked while it listens. What would break: a push that waits for the next look, one that comes for
 * nothing or for each key, a watch that a lost server takes along, a process that it keeps alive.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createInputSensor } from '../../main/adapters/native/index.ts';
import type { Sensor } from '../../main/ports/sensors.ts';
import { buildNative } from '../../scripts/lib/native-build.ts';
import { openVirtualDisplay, type VirtualDisplay } from '../../scripts/lib/virtual-display.ts';
import { openVirtualHand, type VirtualHand } from '../../scripts/lib/virtual-input.ts';
import type { PartialReadings } from '../../shared/readings.ts';

/** Longer than the second without input after which a touch counts as a return. */
const AWAY_MS = 1_200;
/** Far below the second between two looks, and far above what a busy machine needs. */
const PUSHED_MS_MAX = 300;
const CHILD = `
const { createInputSensor } = await import('${fileURLToPath(new URL('../../main/adapters/native/index.ts', import.meta.url))}');
const sensor = createInputSensor();
sensor.onOwner(() => console.log('seen'));
await sensor.read();
process.stdin.resume();
`;

describe('the owner’s return on X11', { skip: process.platform !== 'linux', timeout: 120_000 }, () => {
  let display: VirtualDisplay;
  let hand: VirtualHand;
  const open = async () => {
    display = await openVirtualDisplay({ width: 640, height: 480 });
    hand = openVirtualHand(display.env);
  };

  before(async () => {
    const { state, reason } = buildNative();
    assert.notEqual(state, 'missing', reason ?? '');
    await open();
  });
  after(async () => {
    await hand.close();
    await display.close();
  });

  /** A listener that was heard once: its watch stands, after however long that took. */
  async function listening(sensor: Sensor) {
    const heard: { readonly said: PartialReadings; readonly atMs: number }[] = [];
    const events = new EventEmitter();
    const end = sensor.onOwner?.((said) => {
      heard.push({ said, atMs: performance.timeOrigin + performance.now() });
      events.emit('heard');
    });
    await sensor.read();
    await touchUntil(once(events, 'heard'));
    await setTimeout(AWAY_MS);
    heard.length = 0;
    return { heard, end, next: () => once(events, 'heard') };
  }

  async function touchUntil(happened: Promise<unknown>): Promise<void> {
    let over = false;
    const ended = happened.then(() => {
      over = true;
    });
    while (!over) {
      await hand.press('a');
      await Promise.race([ended, setTimeout(AWAY_MS)]);
    }
  }

  it('is told at once for a key and for the mouse, never for nothing, and once while keys follow', async () => {
    const sensor = createInputSensor({ environment: () => ({ DISPLAY: display.env.DISPLAY }) });
    const { heard, end, next } = await listening(sensor);
    await setTimeout(2 * AWAY_MS);
    assert.equal(heard.length, 0, 'nobody touched anything');
    for (const touch of [() => hand.press('a'), () => hand.move(20, 30)]) {
      const told = next();
      const touchedAtMs = await touch();
      await told;
      const [first, ...more] = heard.splice(0);
      assert.equal(more.length, 0);
      assert.equal(first?.said.inputIdleSeconds?.value, 0);
      assert.equal(first?.said.inputIdleSeconds?.source, 'x11');
      const passedMs = (first?.atMs ?? 0) - touchedAtMs;
      assert.ok(passedMs < PUSHED_MS_MAX, `told after ${passedMs} ms`);
      await setTimeout(AWAY_MS);
    }
    const told = next();
    for (let key = 0; key < 10; key += 1) await hand.press('a');
    await told;
    const { inputIdleSeconds } = await sensor.read();
    assert.ok((inputIdleSeconds?.value ?? 9) < 1, 'the look that follows says the same');
    assert.equal(heard.length, 1, 'ten keys are one return');
    end?.();
    await setTimeout(AWAY_MS);
    await hand.press('a');
    await setTimeout(PUSHED_MS_MAX);
    assert.equal(heard.length, 1, 'whoever listens no longer hears nothing');
    sensor.close();
  });

  it('outlives the X server, and listens to the next one', async () => {
    let nowMs = 1_000_000;
    const sensor = createInputSensor({
      environment: () => ({ DISPLAY: display.env.DISPLAY }),
      now: () => nowMs,
    });
    const { next } = await listening(sensor);
    await hand.close();
    await display.close();
    assert.equal((await sensor.read()).inputIdleSeconds, null);
    await open();
    nowMs += 10_000;
    await sensor.read();
    await touchUntil(next());
    sensor.close();
  });

  it('keeps no process alive', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], {
      env: { PATH: process.env.PATH, DISPLAY: display.env.DISPLAY },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await touchUntil(once(createInterface({ input: child.stdout }), 'line'));
    // It reads its input, and holds nothing else open that would keep it.
    child.stdin.end();
    assert.deepEqual(await ended, [0, null]);
  });
});
