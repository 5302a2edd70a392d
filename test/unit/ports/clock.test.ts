/**
 * Verifies: a timer's callback that throws or rejects is reported and ends neither the timer nor the process.
 * Setup: real timers of 1 ms in this process, whose test runner fails on any uncaught exception or rejection.
 * Fails if: an exception or a rejection escapes, an interval stops after a failure, a canceled timer still runs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClock } from '../../../main/ports/clock.ts';

const SOON_MS = 1;
const PATIENCE_MS = 2_000;

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!condition() && performance.now() < deadlineMs) await sleep(SOON_MS);
  assert.ok(condition(), `not reached within ${PATIENCE_MS} ms`);
}

test('an interval continues after its callback threw, and each failure is reported', async () => {
  const errors: unknown[] = [];
  const failure = new Error('thrown');
  const clock = createClock((error) => errors.push(error));
  const timer = clock.every(SOON_MS, () => {
    throw failure;
  });
  await until(() => errors.length >= 3);
  timer.cancel();
  assert.deepEqual(new Set(errors), new Set([failure]));
});

test('an interval continues after its callback rejected, and each failure is reported', async () => {
  const errors: unknown[] = [];
  const failure = new Error('rejected');
  const clock = createClock((error) => errors.push(error));
  const timer = clock.every(SOON_MS, async () => {
    await sleep(SOON_MS);
    throw failure;
  });
  await until(() => errors.length >= 3);
  timer.cancel();
  assert.deepEqual(new Set(errors), new Set([failure]));
});

test('a delayed call reports an exception and a rejection', async () => {
  const errors: unknown[] = [];
  const clock = createClock((error) => errors.push(error));
  clock.after(SOON_MS, () => {
    throw new Error('thrown');
  });
  clock.after(SOON_MS, () => Promise.reject(new Error('rejected')));
  await until(() => errors.length === 2);
  assert.deepEqual(errors.map((error) => (error as Error).message).sort(), ['rejected', 'thrown']);
});

test('a reporter that fails does not end the timer', async () => {
  let reports = 0;
  const clock = createClock(() => {
    reports += 1;
    throw new Error('the log is broken');
  });
  const timer = clock.every(SOON_MS, () => {
    throw new Error('thrown');
  });
  await until(() => reports >= 2);
  timer.cancel();
});

test('a canceled timer never runs', async () => {
  let runs = 0;
  const clock = createClock(assert.ifError);
  clock
    .after(SOON_MS, () => {
      runs += 1;
    })
    .cancel();
  clock
    .every(SOON_MS, () => {
      runs += 1;
    })
    .cancel();
  await sleep(20);
  assert.equal(runs, 0);
});
