/**
 * Verifies: a measurement overrides the duty cycle without a race; a share set for jobs meanwhile applies when the
 * measurement ends, even if it fails.
 * Setup: an engine that only records its duty cycle.
 * Fails if: the engine stays at full speed after a failed measurement, or the end of one undoes a throttle.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEngineDuty } from '../../../main/core/engine/index.ts';
import { isAppError } from '../../../shared/errors.ts';

function setUp() {
  const set: number[] = [];
  return { duty: createEngineDuty({ setDuty: (percent) => void set.push(percent) }), set };
}

test('gives jobs 100% initially, then the share that serving sets', () => {
  const { duty, set } = setUp();
  assert.equal(duty.given(), 100);
  duty.give(50);
  assert.equal(duty.given(), 50);
  assert.deepEqual(set, [50]);
});

test('applies a throttle set during a measurement when the measurement ends', async () => {
  const { duty, set } = setUp();
  duty.give(75);
  const answer = await duty.during(100, async () => {
    assert.equal(set.at(-1), 100);
    duty.give(38);
    assert.equal(set.at(-1), 100, 'the measurement still runs at full speed');
    assert.equal(duty.given(), 38, 'the share for jobs changes immediately');
    return 'measured';
  });
  assert.equal(answer, 'measured');
  assert.equal(set.at(-1), 38);
});

test('restores the share for jobs after a failed measurement', async () => {
  const { duty, set } = setUp();
  duty.give(25);
  await assert.rejects(
    duty.during(100, () => Promise.reject(new Error('the engine died'))),
    /the engine died/,
  );
  assert.equal(set.at(-1), 25);
});

test('rejects a second measurement while one is running', async () => {
  const { duty, set } = setUp();
  const first = Promise.withResolvers<void>();
  const holding = duty.during(100, () => first.promise);
  await assert.rejects(
    duty.during(50, async () => assert.fail('the second measurement must not start')),
    (error) => isAppError(error, 'busy'),
  );
  assert.equal(set.at(-1), 100);
  first.resolve();
  await holding;
  await duty.during(50, async () => assert.equal(set.at(-1), 50));
});

test('suspends a measurement’s share while a job runs, and tells the measurement', async () => {
  const { duty, set } = setUp();
  duty.give(75);
  await duty.during(13, async () => {
    assert.equal(set.at(-1), 13);
    const begins = duty.jobBegins();
    assert.equal(begins.aborted, false);
    duty.setJobs(1);
    assert.equal(set.at(-1), 75, 'the job gets its share immediately');
    assert.equal(begins.aborted, true);
    assert.equal(duty.jobBegins().aborted, true);
    const quiet = duty.quiet(new AbortController().signal);
    duty.setJobs(2);
    duty.setJobs(0);
    await quiet;
    assert.equal(set.at(-1), 13);
    assert.equal(duty.jobBegins().aborted, false);
  });
  assert.equal(set.at(-1), 75);
});

test('stops waiting for jobs when its signal aborts', async () => {
  const { duty } = setUp();
  duty.setJobs(1);
  const stop = new AbortController();
  const waiting = duty.quiet(stop.signal);
  stop.abort();
  await waiting;
  await duty.quiet(stop.signal);
});
