// Verifies: the start waits for a slow part as long as it is worth, and no longer.
// Setup: a clock that the test advances, and work that the test ends.
// Fails if: an agent whose chain doesn't respond shows no first state; work that is done is waited for; a failure of
//   the work ends the start.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitBriefly } from '../../../main/agent/briefly.ts';
import { manualClock } from '../../fakes/clock.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('work that doesn’t end is waited for until the limit', async () => {
  const clock = manualClock(0);
  let isOver = false;
  void waitBriefly(clock, 500, new Promise(() => {})).then(() => {
    isOver = true;
  });
  clock.advance(499);
  await settle();
  assert.equal(isOver, false);
  clock.advance(1);
  await settle();
  assert.equal(isOver, true);
});

test('work that is done, or fails, is not waited for any longer', async () => {
  const clock = manualClock(0);
  await waitBriefly(clock, 500, Promise.resolve());
  await waitBriefly(clock, 500, Promise.reject(new Error('no chain')));
});
