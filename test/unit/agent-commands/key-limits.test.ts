/**
 * Verifies: the limits of a key are read as they are typed, and a change leaves what isn't typed.
 * Setup: the reader of `keys add` and `keys change` alone.
 * Fails if: an amount is off by its decimals, a limit that wasn't typed changes, or a wrong value is taken.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedLimits, wantedKey } from '../../../main/agent-commands/keys.ts';
import { isAppError } from '../../../shared/errors.ts';
import { NO_KEY_LIMITS } from '../../../shared/gateway-keys.ts';

const ASSET = { decimals: 6 };
const END_OF_DAY = new Date(2027, 1, 1).getTime();
const LIMITS = {
  ...{ dayMax: '500000', totalMax: '10000000', expiresAtMs: END_OF_DAY },
  ...{ requestsPerMinuteMax: 30, concurrentMax: 2 },
};

test('a new key has the limits that were typed, and no others', () => {
  assert.deepEqual(wantedKey('a', {}, ASSET), { name: 'a', ...NO_KEY_LIMITS });
  const typed = { day: '0.5', total: '10', expires: '2027-01-31', 'per-minute': '30', concurrent: '2' };
  assert.deepEqual(wantedKey('a', typed, ASSET), { name: 'a', ...LIMITS });
});

test('a change leaves what isn’t typed, and "none" takes a limit away', () => {
  assert.deepEqual(changedLimits(LIMITS, {}, ASSET), LIMITS);
  assert.deepEqual(changedLimits(LIMITS, { day: '0.25', concurrent: '5' }, ASSET), {
    ...LIMITS,
    ...{ dayMax: '250000', concurrentMax: 5 },
  });
  const none = { day: 'none', total: 'none', expires: 'none', 'per-minute': 'none', concurrent: 'none' };
  assert.deepEqual(changedLimits(LIMITS, none, ASSET), NO_KEY_LIMITS);
});

test('wrong values are refused', () => {
  for (const typed of [
    { day: 'much' },
    { expires: '2027-02-30' },
    { 'per-minute': '0' },
    { concurrent: 'None' },
  ]) {
    assert.throws(
      () => changedLimits(LIMITS, typed, ASSET),
      (error) => isAppError(error, 'bad-request'),
      JSON.stringify(typed),
    );
  }
});
