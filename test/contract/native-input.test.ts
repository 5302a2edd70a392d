/**
 * Verifies: idle time and full screen match what a real X server reports.
 * Setup: Xvfb, real input events by XTEST, a test window that covers the screen or doesn't.
 * Fails if: a layout of X's structures is wrong, a window counts as full screen that isn't, or the process ends with
 * the X server.
 * Quiet: the idle time after a key is compared with the time before it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createInputSensor } from '../../main/adapters/native/index.ts';
import { buildNative } from '../../scripts/lib/native-build.ts';
import { openVirtualDisplay, type VirtualDisplay } from '../../scripts/lib/virtual-display.ts';
import { movePointer, pressKeys } from '../../scripts/lib/virtual-input.ts';

describe('the X11 sensor', { skip: process.platform !== 'linux' }, () => {
  let display: VirtualDisplay;
  const session = (change: NodeJS.ProcessEnv = {}) =>
    createInputSensor({ environment: () => ({ DISPLAY: display.env.DISPLAY, ...change }) });

  before(async () => {
    const { state, reason } = buildNative();
    assert.notEqual(state, 'missing', reason ?? '');
    display = await openVirtualDisplay({ width: 640, height: 480 });
  });
  after(() => display.close());

  const idleSeconds = async (): Promise<number> => {
    const { inputIdleSeconds } = await session().read();
    assert.ok(inputIdleSeconds, 'the X server reports idle time');
    assert.equal(inputIdleSeconds.source, 'x11');
    return inputIdleSeconds.value;
  };
  const fullScreen = async () => (await session().read()).fullScreen?.value ?? null;

  async function withWindow(kind: string, check: () => Promise<void>): Promise<void> {
    const program = join(import.meta.dirname, 'x-window.py');
    const window: ChildProcess = spawn('python3', [program, kind], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, DISPLAY: display.env.DISPLAY },
    });
    assert.ok(window.stdout);
    await once(window.stdout, 'data');
    try {
      await check();
    } finally {
      window.stdin?.end();
      await once(window, 'exit');
    }
  }

  it('idle time rises without input and falls with the mouse and with a key', async () => {
    for (const act of [() => movePointer(display.env, 20, 30), () => pressKeys(display.env, 'a')]) {
      const before = await idleSeconds();
      await setTimeout(1_200);
      const waited = await idleSeconds();
      assert.ok(waited >= before + 1, `${before} then ${waited}`);
      act();
      const after = await idleSeconds();
      assert.ok(after < waited - 0.5, `${waited} then ${after}`);
    }
  });

  it('distinguishes a window that covers the screen from one that doesn’t', async () => {
    assert.equal(await fullScreen(), false, 'no window at all');
    await withWindow('full', async () => assert.equal(await fullScreen(), true));
    await withWindow('part', async () => assert.equal(await fullScreen(), false));
    await withWindow('stated', async () => assert.equal(await fullScreen(), true));
    await withWindow('desktop', async () => assert.equal(await fullScreen(), false));
    assert.equal(await fullScreen(), false, 'closed again');
  });

  it('reports nothing under Wayland, where an X server receives input only of its own windows', async () => {
    const nothing = { inputIdleSeconds: null, fullScreen: null };
    assert.deepEqual(await session({ WAYLAND_DISPLAY: 'wayland-0' }).read(), nothing);
    assert.deepEqual(await session({ XDG_SESSION_TYPE: 'wayland' }).read(), nothing);
    assert.deepEqual(await session({ DISPLAY: '' }).read(), nothing);
    assert.deepEqual(await session({ DISPLAY: ':4711' }).read(), nothing);
  });

  it('survives the end of the X server and finds the next one', async () => {
    const sensor = session();
    const first = display;
    assert.notEqual((await sensor.read()).fullScreen, null);
    await first.close();
    assert.deepEqual(await sensor.read(), { inputIdleSeconds: null, fullScreen: null });
    display = await openVirtualDisplay({ width: 640, height: 480 });
    assert.notEqual((await sensor.read()).fullScreen, null);
  });
});
