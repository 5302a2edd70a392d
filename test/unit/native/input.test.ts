/**
 * Goal: a source that hangs, fails or is missing makes readings unknown and holds nobody up. Method: the sensor
 * over a native part of ours. What would break: an agent that waits for an X server, or asks it again and again
 * until no thread of Node's pool is left.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTimelyQuestion } from '../../../main/adapters/native/answer-in-time.ts';
import { createInputSensor } from '../../../main/adapters/native/index.ts';
import { loadNative } from '../../../native/index.ts';

const ABSENT = loadNative('/absent/idlewatt.node');

describe('the input sensor', () => {
  it('passes on what is known and says null for the rest', async () => {
    const native = { ...ABSENT, readInput: async () => ({ idleMs: 2_500, fullScreen: null }) };
    const sensor = createInputSensor({ native, platform: 'darwin', now: () => 7 });
    assert.equal(sensor.name, 'macos');
    assert.deepEqual(await sensor.read(), {
      inputIdleSeconds: { value: 2.5, source: 'macos', atMs: 7 },
      fullScreen: null,
    });
  });

  it('knows nothing without the native part', async () => {
    const sensor = createInputSensor({ native: ABSENT, platform: 'win32' });
    assert.deepEqual(await sensor.read(), { inputIdleSeconds: null, fullScreen: null });
  });
});

describe('a timely question', () => {
  it('gives null when the answer is late, asks nothing else meanwhile, and goes on when it has come', async () => {
    const answers: ((value: number) => void)[] = [];
    const ask = createTimelyQuestion(() => new Promise<number>((resolve) => answers.push(resolve)), 20);
    assert.deepEqual(await Promise.all([ask(), ask()]), [null, null]);
    assert.equal(await ask(), null);
    assert.equal(answers.length, 1);
    answers[0]?.(1);
    await new Promise((resolve) => setImmediate(resolve));
    const next = ask();
    assert.equal(answers.length, 2);
    answers[1]?.(2);
    assert.equal(await next, 2);
  });

  it('gives null for a question that fails', async () => {
    const ask = createTimelyQuestion(() => Promise.reject(new Error('the driver is gone')));
    assert.equal(await ask(), null);
  });
});
