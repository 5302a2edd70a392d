/**
 * Verifies: a failed deposit is reported by its cause, so that a buyer tries another provider if only this one is at
 * fault.
 * Setup: the codes that providers respond with.
 * Fails if: a provider's pause is reported as a lack of money.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { depositError } from '../../../main/adapters/x402/buying/provider-responses.ts';

test('a paused provider, an unavailable chain and a refused deposit have different errors', () => {
  for (const [status, code, expected] of [
    [503, 'paused_disk_full', 'paused'],
    [503, 'paused_database_lost', 'paused'],
    [402, 'paused_disk_full', 'paused'],
    [429, null, 'busy'],
    [402, 'chain-unavailable', 'chain-unavailable'],
    [402, 'deposit-refused', 'insufficient-funds'],
    [402, null, 'insufficient-funds'],
  ] as const) {
    assert.equal(depositError('peer', status, code).code, expected, `${status} ${code}`);
  }
});
