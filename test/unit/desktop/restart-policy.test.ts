// Verifies: delays between restarts grow, restarts are limited, and a healthy run resets their count.
// Setup: the policy alone, with the duration of each run.
// Fails if: restarts never end, delays don't grow, or one crash a day adds up to giving up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRestartPolicy } from '../../../shared/restart-policy.ts';

test('delays double, and then there are no more restarts', () => {
  const policy = createRestartPolicy();
  const waits = Array.from({ length: 7 }, () => policy.next(100));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, null, null]);
});

test('an agent that ran for long resets the count', () => {
  const policy = createRestartPolicy();
  for (let crash = 0; crash < 20; crash++) assert.equal(policy.next(10 * 60_000), 500);
});
