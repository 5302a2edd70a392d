/**
 * Verifies: a served model whose speed is unknown is measured once nothing throttles the machine, again after the owner
 *   stopped it, and not for ever; pages show the speed of the running jobs, or of the last one.
 * Setup: an engine status, a decision, a benchmark and its outcome that the test sets.
 * Fails if: a throttled machine is measured, a speed that was disturbed or stopped is never measured again, a machine
 *   that can't be measured computes for ever, an unknown speed becomes 0.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentSpeed, measureServed } from '../../../main/core/serving/index.ts';
import { createRecordingLog } from '../../fakes/log.ts';

type Parts = Parameters<typeof measureServed>[0];
type Outcome = 'speed' | 'none' | 'stopped' | 'failed';

/** `models` are served; one of them is loaded. */
function setUp(known: readonly string[] = [], models = ['a', 'b']) {
  const now = {
    engine: 'loading',
    model: 'a',
    decision: 'run',
    benchmark: 'never',
    runs: 0,
    held: '',
    measured: '',
  };
  const speeds = new Set(known);
  const listeners = new Set<() => void>();
  const listen = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const engineOf = (id: string) => ({
    id,
    status: () =>
      id === now.model
        ? { state: now.engine, loaded: { model: { id }, backend: 'cpu', threads: 2 } }
        : { state: 'stopped' },
  });
  let outcome: Outcome = 'speed';
  let finish = () => {};
  const log = createRecordingLog();
  const parts = {
    benchmark: {
      state: () => ({ state: now.benchmark }),
      speedsAt: ({ modelId }: { modelId: string }) => {
        const speed = speeds.has(modelId) ? 30 : null;
        return { prefillTokensPerSecond: speed, decodeTokensPerSecond: speed };
      },
      wasStopped: () => outcome === 'stopped',
      measureModel: async (engine: ReturnType<typeof engineOf>) => {
        now.runs += 1;
        now.measured = engine.id;
        now.benchmark = 'running';
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        now.benchmark = 'done';
        if (outcome === 'speed') speeds.add(engine.id);
        if (outcome === 'stopped' || outcome === 'failed') throw new Error('no speed');
      },
    },
    engines: {
      list: () => models.map((id) => ({ file: { id }, engine: engineOf(id) })),
      hold: (id: string) => {
        now.held = id;
        return {
          release() {
            now.held = '';
          },
        };
      },
      onStatus: listen,
    },
    presence: { current: () => ({ decision: now.decision }), onChange: listen },
    log,
  } as unknown as Parts;
  const stop = measureServed(parts);
  const set = (changed: Partial<typeof now>) => {
    Object.assign(now, changed);
    for (const listener of [...listeners]) listener();
  };
  const end = async (how: Outcome) => {
    outcome = how;
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    set({});
  };
  return { now, listeners, log, set, end, stop };
}

test('measures when a model is ready and nothing throttles the machine, and once', async () => {
  const { now, set, end } = setUp();
  set({ engine: 'ready', decision: 'throttle' });
  set({ engine: 'loading', decision: 'run' });
  assert.equal(now.runs, 0);
  set({ engine: 'ready' });
  set({ engine: 'ready' });
  assert.equal(now.runs, 1);
  await end('speed');
  assert.equal(now.runs, 1);
});

test('doesn’t measure a model whose speed is known, and measures another one when it is served', async () => {
  const { now, set, end } = setUp(['a']);
  set({ engine: 'ready' });
  assert.equal(now.runs, 0);
  set({ model: 'b' });
  assert.equal(now.runs, 1);
  await end('speed');
  set({ model: 'a' });
  assert.equal(now.runs, 1);
});

test('measures the model that is loaded with its own engine, and keeps it loaded until the end', async () => {
  const { now, set, end } = setUp(['a']);
  set({ engine: 'ready', model: 'b' });
  assert.deepEqual([now.measured, now.held], ['b', 'b']);
  await end('speed');
  assert.equal(now.held, '');
});

test('measures again, as often as the owner’s return stopped it', async () => {
  const { now, set, end } = setUp();
  set({ engine: 'ready' });
  for (const runs of [1, 2, 3, 4, 5]) {
    assert.equal(now.runs, runs);
    Object.assign(now, { decision: 'pause' });
    await end('stopped');
    set({ decision: 'run' });
  }
});

test('gives up on a model after two runs without an undisturbed speed', async () => {
  for (const outcome of ['none', 'failed'] as const) {
    const { now, set, end } = setUp();
    set({ engine: 'ready' });
    for (let turn = 0; turn < 5; turn += 1) await end(outcome);
    assert.equal(now.runs, 2);
    set({ model: 'b' });
    assert.equal(now.runs, 3, 'another model gets its own chance');
  }
});

test('a benchmark that the owner started is not started twice', () => {
  const { now, set } = setUp();
  now.benchmark = 'running';
  set({ engine: 'ready' });
  assert.equal(now.runs, 0);
});

test('stops when the agent stops', () => {
  const { now, listeners, set, stop } = setUp();
  stop();
  set({ engine: 'ready' });
  assert.deepEqual([now.runs, listeners.size], [0, 0]);
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
