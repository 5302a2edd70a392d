/**
 * Verifies: the page Network advises what fits the ways in use, and nothing once a stranger gets through.
 * Setup: the advice alone.
 * Fails if: an owner reads advice that is followed already or can't help, or learns nothing about an address that was tested in vain.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceFor } from '../../../renderer/pages/reach-advice.ts';
import type { WaysState } from '../../../shared/reach.ts';
import { OPENED_WAYS, RELAYED_WAYS } from '../../fakes/ways.ts';

const OWNER = { openPort: false, forwardedPort: null, publicDht: false };
const ALLOWING = { ...OWNER, openPort: true };
const FORWARDING = { ...OWNER, forwardedPort: 4_001 };

function ways(changed: Partial<WaysState>): WaysState {
  return { ...RELAYED_WAYS, addresses: [], ...changed };
}

const opening = (state: WaysState['opening']['state']) => ways({ opening: { state, by: null, port: null } });
const failed = (kind: 'own' | 'mapped' | 'named', address = '/ip4/45.0.0.1/tcp/4001') =>
  ways({ addresses: [{ address, kind, result: 'unreached' }] });

test('advises nothing once public nodes get through', () => {
  assert.deepEqual(adviceFor(OPENED_WAYS, OWNER), []);
  assert.deepEqual(adviceFor(OPENED_WAYS, FORWARDING), []);
});

test('offers to open a port, and to forward one where the router doesn’t open it', () => {
  assert.deepEqual(adviceFor(ways({}), OWNER), ['allow-port']);
  for (const state of ['off', 'asking', 'open'] as const) {
    assert.deepEqual(adviceFor(opening(state), ALLOWING), []);
  }
  for (const state of ['no-router', 'refused', 'permanent-only', 'invalid'] as const) {
    assert.deepEqual(adviceFor(opening(state), ALLOWING), ['forward-port']);
  }
  assert.deepEqual(adviceFor(opening('no-public-address'), ALLOWING), ['double-router']);
});

test('names the address that was tested in vain', () => {
  assert.deepEqual(adviceFor(failed('mapped'), FORWARDING), ['check-forwarding']);
  assert.deepEqual(adviceFor(failed('named'), OWNER), ['check-address']);
  assert.deepEqual(adviceFor(failed('own'), FORWARDING), ['firewall']);
  assert.deepEqual(adviceFor(RELAYED_WAYS, OWNER), ['firewall-ipv6', 'allow-port']);
});

test('says what is missing to find others', () => {
  const alone = ways({ publicNodes: 0, publicNodesConnected: 0 });
  assert.deepEqual(adviceFor(alone, ALLOWING), ['add-node']);
  assert.deepEqual(adviceFor(alone, { ...ALLOWING, publicDht: true }), []);
  assert.deepEqual(adviceFor(ways({ publicNodesConnected: 0 }), ALLOWING), ['nodes-away']);
});
