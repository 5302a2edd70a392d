/**
 * Verifies: the engine computes for its share of the time, and all sequences rest together.
 * Setup: sequences that compute a step when it is their turn, on a clock that the test moves whose timers fire late.
 * Fails if: the share is missed, sequences leave their shared batch, a rest grows without bound or delays an aborted
 * response, or the gate stays closed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDuty } from '../../../main/adapters/llama/duty.ts';

const NEVER = new AbortController().signal;

/** Time advances only by steps and rests; each rest ends `lateMs` late. */
function handClock(lateMs = 0) {
  let nowMs = 0;
  const rests: number[] = [];
  const clock = {
    now: () => nowMs,
    after(ms: number, then: () => void) {
      rests.push(ms);
      setImmediate(() => {
        nowMs += ms + lateMs;
        then();
      });
    },
  };
  const step = (ms: number) => async () => {
    await new Promise((resolve) => setImmediate(resolve));
    nowMs += ms;
  };
  return { clock, rests, step, now: () => nowMs };
}

test('rests in proportion to the steps, at most 2 s, and not at all at a duty cycle of 100%', async () => {
  const { clock, rests, step } = handClock();
  const duty = createDuty(clock);
  for (const [percent, stepMs] of [
    [100, 10],
    [50, 10],
    [25, 10],
    [25, 60_000],
    [100, 10],
  ] as const) {
    duty.set(percent);
    await duty.busy(step(stepMs));
    await duty.turn(NEVER);
  }
  assert.deepEqual(rests, [10, 30, 2_000]);
});

test('keeps the share for any steps, even if timers fire late', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 5, max: 95 }),
      fc.integer({ min: 0, max: 4 }),
      fc.array(fc.integer({ min: 5, max: 40 }), { minLength: 60, maxLength: 80 }),
      async (percent, lateMs, steps) => {
        const { clock, step, now } = handClock(lateMs);
        const duty = createDuty(clock);
        duty.set(percent);
        for (const ms of steps) {
          await duty.turn(NEVER);
          await duty.busy(step(ms));
        }
        const computed = steps.reduce((sum, ms) => sum + ms, 0);
        const share = (100 * computed) / now();
        // The last rest is still due, and the delay of one timer is not yet deducted.
        assert.ok(Math.abs(share - percent) < 6, `${share}% instead of ${percent}%`);
      },
    ),
    { seed: 20_261_128, numRuns: 40 },
  );
});

test('concurrent sequences stay in step: every batch contains all of them', async () => {
  const { clock, rests, step } = handClock();
  const duty = createDuty(clock);
  duty.set(50);
  const batches: number[] = [];
  let batch: { size: number; done: Promise<void> } | null = null;
  /** Like the library: steps requested in one tick are computed together. */
  const compute = () => {
    if (batch === null) {
      const begun = { size: 0, done: step(10)() };
      batch = begun;
      setImmediate(() => {
        batches.push(begun.size);
        if (batch === begun) batch = null;
      });
    }
    batch.size += 1;
    return batch.done;
  };
  const answer = async (tokens: number) => {
    for (let made = 0; made < tokens; made += 1) {
      await duty.turn(NEVER);
      await duty.busy(compute);
    }
  };
  await Promise.all([answer(5), answer(5), answer(5), answer(3)]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(batches, [4, 4, 4, 3, 3]);
  assert.deepEqual(rests, [10, 10, 10, 10, 10]);
});

test('a sequence that finishes its step first waits for the others and rests with them', async () => {
  const { clock, step } = handClock();
  const duty = createDuty(clock);
  duty.set(50);
  const slow = Promise.withResolvers<void>();
  const long = duty.busy(() => slow.promise);
  await duty.busy(step(10));
  let itsTurn = false;
  const next = duty.turn(NEVER).then(() => {
    itsTurn = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(itsTurn, false);
  slow.resolve();
  await long;
  await next;
});

test('an aborted response does not wait, and a duty cycle of 100% opens a closed gate', async () => {
  const { clock, step } = handClock();
  const held: (() => void)[] = [];
  const duty = createDuty({ ...clock, after: (_, then) => held.push(then) });
  duty.set(1);
  await duty.busy(step(1_000));
  const stop = new AbortController();
  const waiting = duty.turn(stop.signal);
  stop.abort();
  await waiting;
  await duty.turn(stop.signal);
  held.pop()?.();
  // The duty cycle becomes 100% while one sequence waits for the other to finish its step.
  const first = duty.busy(step(10));
  const second = duty.busy(async () => {
    await first;
    duty.set(100);
  });
  await second;
  held.pop()?.();
  await duty.turn(NEVER);
});
