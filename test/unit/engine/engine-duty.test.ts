/**
 * Goal: a measurement holds the engine's duty without a race: what jobs are given meanwhile comes into force when it
 * ends, however it ends.
 * Method: an engine that only notes its duty.
 * Would break: an engine left at full speed after a measurement that failed, a throttle undone by one that ended.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEngineDuty } from '../../../main/core/engine/index.ts';
import { isAppError } from '../../../shared/errors.ts';

function setUp() {
  const set: number[] = [];
  return { duty: createEngineDuty({ setDuty: (percent) => void set.push(percent) }), set };
}

test('jobs are given all of the time at first, then what serving says', () => {
  const { duty, set } = setUp();
  assert.equal(duty.given(), 100);
  duty.give(50);
  assert.equal(duty.given(), 50);
  assert.deepEqual(set, [50]);
});

test('a throttle during a measurement waits for its end and is not lost', async () => {
  const { duty, set } = setUp();
  duty.give(75);
  const answer = await duty.during(100, async () => {
    assert.equal(set.at(-1), 100);
    duty.give(38);
    assert.equal(set.at(-1), 100, 'still measured at full speed');
    assert.equal(duty.given(), 38, 'what is promised to jobs follows at once');
    return 'measured';
  });
  assert.equal(answer, 'measured');
  assert.equal(set.at(-1), 38);
});

test('a measurement that fails gives the duty back', async () => {
  const { duty, set } = setUp();
  duty.give(25);
  await assert.rejects(
    duty.during(100, () => Promise.reject(new Error('the engine died'))),
    /the engine died/,
  );
  assert.equal(set.at(-1), 25);
});

test('two measurements do not mix', async () => {
  const { duty, set } = setUp();
  const first = Promise.withResolvers<void>();
  const holding = duty.during(100, () => first.promise);
  await assert.rejects(
    duty.during(50, async () => assert.fail('is not begun')),
    (error) => isAppError(error, 'busy'),
  );
  assert.equal(set.at(-1), 100);
  first.resolve();
  await holding;
  await duty.during(50, async () => assert.equal(set.at(-1), 50));
});
