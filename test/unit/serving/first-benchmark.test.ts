/**
 * Verifies: a machine that was never measured runs one benchmark once a model is ready and nothing throttles it;
 * pages show the speed of the running jobs, or of the last one.
 * Setup: an engine status, a decision and a benchmark that the test sets.
 * Fails if: a throttled machine is measured, the benchmark runs again at each start or twice concurrently, an unknown speed
 * becomes 0.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentSpeed, measureOnce } from '../../../main/core/serving/index.ts';
import { createRecordingLog } from '../../fakes/log.ts';

type Parts = Parameters<typeof measureOnce>[0];

function setUp(before: 'never' | 'done' = 'never') {
  const now = { engine: 'loading', decision: 'throttle', benchmark: before as string, runs: 0 };
  const listeners = new Set<() => void>();
  const listen = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const log = createRecordingLog();
  const parts = {
    benchmark: {
      state: () => ({ state: now.benchmark }),
      run: async () => {
        now.runs += 1;
        now.benchmark = 'running';
        throw new Error('no engine');
      },
    },
    engine: { status: () => ({ state: now.engine }), onStatus: listen },
    presence: { current: () => ({ decision: now.decision }), onChange: listen },
    log,
  } as unknown as Parts;
  const set = (changed: Partial<typeof now>) => {
    Object.assign(now, changed);
    for (const listener of [...listeners]) listener();
  };
  return { now, listeners, log, set, stop: measureOnce(parts) };
}

test('measures once, when a model is ready and nothing throttles the machine', async () => {
  const { now, listeners, log, set } = setUp();
  set({ engine: 'ready' });
  set({ engine: 'loading', decision: 'run' });
  assert.equal(now.runs, 0);
  set({ engine: 'ready' });
  set({ engine: 'ready' });
  assert.equal(now.runs, 1);
  assert.equal(listeners.size, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(log.lines[0]?.message, 'The first benchmark failed');
});

test('does not measure a machine that was measured before', () => {
  const { now, listeners, set } = setUp('done');
  set({ engine: 'ready', decision: 'run' });
  assert.deepEqual([now.runs, listeners.size], [0, 0]);
});

test('a benchmark that the owner started meanwhile is not repeated', () => {
  const { now, set } = setUp();
  now.benchmark = 'running';
  set({ engine: 'ready', decision: 'run' });
  assert.equal(now.runs, 0);
});

test('stops waiting when the agent stops', () => {
  const { now, set, stop } = setUp();
  stop();
  set({ engine: 'ready', decision: 'run' });
  assert.equal(now.runs, 0);
});

test('the shown speed is the sum of running jobs, else that of the last job, else unknown', () => {
  const last = { decodeTokensPerSecond: 30, endedAtMs: 5 };
  const running = [{ tokensPerSecond: 10 }, { tokensPerSecond: null }, { tokensPerSecond: 12 }];
  assert.deepEqual(currentSpeed(running, last, 9), { tokensPerSecond: 22, tokensPerSecondAtMs: 9 });
  assert.deepEqual(currentSpeed([{ tokensPerSecond: null }], last, 9), {
    tokensPerSecond: 30,
    tokensPerSecondAtMs: 5,
  });
  assert.deepEqual(currentSpeed([], undefined, 9), { tokensPerSecond: null, tokensPerSecondAtMs: null });
});
