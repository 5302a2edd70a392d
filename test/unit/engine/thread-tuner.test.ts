/**
 * Verifies: the number of threads that decodes fastest is found from the steps themselves, per size of a step, and again
 * when conditions change; trials cost little.
 * Setup: simulated machines with a duration for each number of threads and answers.
 * Fails if: a slow number stays, the allowed number is exceeded, or trying costs more than it gains.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LlamaContext } from 'node-llama-cpp';
import { createStepThreads } from '../../../main/adapters/llama/step-threads.ts';
import { createThreadTuner } from '../../../main/adapters/llama/thread-tuner.ts';

type Duration = (threads: number, answers: number) => number;

/** Runs steps; returns their total duration and the threads of the last ones. */
function decode(
  tuner: ReturnType<typeof createThreadTuner>,
  steps: number,
  { answers = 1, duration }: { answers?: number; duration: Duration },
) {
  let totalMs = 0;
  const used: number[] = [];
  for (let step = 0; step < steps; step++) {
    const threads = tuner.next(answers);
    const durationMs = duration(threads, answers);
    tuner.report(durationMs);
    totalMs += durationMs;
    used.push(threads);
  }
  const tail = used.slice(-16).sort((a, b) => a - b);
  return { totalMs, used, usual: tail[8] };
}

/** A memory that two threads use up, and a cost for each further one. */
const memoryBound: Duration = (threads) => (threads === 1 ? 20 : 10 + threads);

test('starts with all allowed threads, and finds fewer where they are faster', () => {
  const tuner = createThreadTuner(8);
  const { used, usual } = decode(tuner, 400, { duration: memoryBound });
  assert.equal(used[0], 8);
  assert.equal(usual, 2);
});

test('keeps all threads where each of them helps', () => {
  const { usual } = decode(createThreadTuner(8), 400, { duration: (threads) => 80 / threads });
  assert.equal(usual, 8);
});

test('finds a number of its own for larger steps', () => {
  const duration: Duration = (threads, answers) => (answers === 1 ? threads * 10 : 80 / threads);
  const tuner = createThreadTuner(4);
  decode(tuner, 400, { duration, answers: 1 });
  decode(tuner, 400, { duration, answers: 8 });
  assert.equal(decode(tuner, 64, { duration, answers: 1 }).usual, 1);
  assert.equal(decode(tuner, 64, { duration, answers: 8 }).usual, 4);
});

test('searches again when other programs take the cores, and when they give them back', () => {
  const tuner = createThreadTuner(4);
  const idle: Duration = (threads) => 40 / threads;
  const busy: Duration = (threads) => (threads > 1 ? 400 : 40);
  assert.equal(decode(tuner, 2_000, { duration: idle }).usual, 4);
  assert.equal(decode(tuner, 200, { duration: busy }).usual, 1);
  assert.equal(decode(tuner, 6_000, { duration: idle }).usual, 4);
});

test('never exceeds the allowed number, and loses little to its trials (property)', () => {
  const machine = fc.record({
    threadsMax: fc.integer({ min: 1, max: 64 }),
    penalty: fc.double({ min: 1, max: 20, noNaN: true }),
  });
  fc.assert(
    fc.property(machine, ({ threadsMax, penalty }) => {
      // All threads are best; any other number is slower by the penalty.
      const { totalMs, used } = decode(createThreadTuner(threadsMax), 4_000, {
        duration: (threads) => (threads === threadsMax ? 10 : 10 * penalty),
      });
      assert.ok(used.every((threads) => threads >= 1 && threads <= threadsMax));
      assert.ok(totalMs <= 4_000 * 10 * 1.15, `${totalMs} ms`);
    }),
  );
});

test('sets all threads for a step with a prompt, and measured ones for answers alone', () => {
  const set: number[] = [];
  /** Like the library's: its methods are read-only, and it calls this one before each batch with one number for all. */
  class Native {
    setThreads(threads: number): void {
      set.push(threads);
    }
  }
  Object.defineProperty(Native.prototype, 'setThreads', { writable: false });
  const native = new Native();
  const threads = createStepThreads({ _ctx: native } as unknown as LlamaContext, 4);
  assert.ok(threads !== null);
  const step = (answers: number, promptTokens: number) => {
    const end = threads.begin({ answers, promptTokens });
    native.setThreads(4);
    end();
  };
  for (let index = 0; index < 40; index++) step(1, 0);
  assert.ok(new Set(set).size > 1, 'several numbers were measured');
  set.length = 0;
  for (let index = 0; index < 40; index++) step(1, 100);
  assert.deepEqual(new Set(set), new Set([4]));
});

test('uses no more threads than a further limit allows, and measures only without it', () => {
  const set: number[] = [];
  const native = { setThreads: (threads: number) => void set.push(threads) };
  let limit: number | null = null;
  const threads = createStepThreads({ _ctx: native } as unknown as LlamaContext, 4, () => limit);
  assert.ok(threads !== null);
  const step = (answers: number, promptTokens: number) => {
    const end = threads.begin({ answers, promptTokens });
    native.setThreads(4);
    end();
  };
  limit = 2;
  for (let index = 0; index < 40; index++) step(1, index % 2);
  assert.deepEqual(new Set(set), new Set([2]));
  limit = null;
  set.length = 0;
  step(1, 100);
  assert.deepEqual(set, [4]);
});

test('leaves the threads to the library where there is nothing to choose', () => {
  assert.equal(createStepThreads({ _ctx: { setThreads() {} } } as unknown as LlamaContext, 1), null);
  assert.equal(createStepThreads({} as LlamaContext, 4), null);
});
