/**
 * Verifies: a source that hangs, fails or is missing makes readings unknown and delays nothing else.
 * Setup: the sensor over a stub of the native part.
 * Fails if: the agent waits for an X server, or calls it again and again until Node's pool has no free thread.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createInputSensor } from '../../../main/adapters/native/index.ts';
import { createTimeoutCall } from '../../../main/adapters/native/timeout-call.ts';
import { loadNative } from '../../../native/index.ts';

const ABSENT = loadNative('/absent/idlewatt.node');

describe('the input sensor', () => {
  it('returns what is known and null for the rest', async () => {
    const native = { ...ABSENT, readInput: async () => ({ idleMs: 2_500, fullScreen: null }) };
    const sensor = createInputSensor({ native, platform: 'darwin', now: () => 7 });
    assert.equal(sensor.name, 'macos');
    assert.deepEqual(await sensor.read(), {
      inputIdleSeconds: { value: 2.5, source: 'macos', atMs: 7 },
      fullScreen: null,
    });
  });

  it('returns null without the native part', async () => {
    const sensor = createInputSensor({ native: ABSENT, platform: 'win32' });
    assert.deepEqual(await sensor.read(), { inputIdleSeconds: null, fullScreen: null });
  });
});

describe('a call with a timeout', () => {
  it('returns null while the result is overdue, starts no other call, and resumes when it has arrived', async () => {
    const pending: ((value: number) => void)[] = [];
    const call = createTimeoutCall(() => new Promise<number>((resolve) => pending.push(resolve)), 20);
    assert.deepEqual(await Promise.all([call(), call()]), [null, null]);
    assert.equal(await call(), null);
    assert.equal(pending.length, 1);
    pending[0]?.(1);
    await new Promise((resolve) => setImmediate(resolve));
    const next = call();
    assert.equal(pending.length, 2);
    pending[1]?.(2);
    assert.equal(await next, 2);
  });

  it('returns null for a call that fails', async () => {
    const call = createTimeoutCall(() => Promise.reject(new Error('the driver is gone')));
    assert.equal(await call(), null);
  });
});
