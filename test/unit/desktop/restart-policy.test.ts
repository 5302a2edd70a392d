// Goal: an agent that keeps ending is started ever later and in the end not at all; a healthy run forgives.
// Method: the policy alone, told how long each run lasted.
// Would break if: restarts never ended, waits did not grow, or one crash a day added up to giving up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRestartPolicy } from '../../../main/desktop/restart-policy.ts';

test('waits double and end', () => {
  const policy = createRestartPolicy();
  const waits = Array.from({ length: 7 }, () => policy.next(100));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, null, null]);
});

test('an agent that ran for long begins anew', () => {
  const policy = createRestartPolicy();
  for (let crash = 0; crash < 20; crash++) assert.equal(policy.next(10 * 60_000), 500);
});
