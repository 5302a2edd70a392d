/**
 * Verifies: a price for relaying is accepted only where a relay can charge it.
 * Setup: the check of the options alone.
 * Fails if: a node that relays nothing, or a network without money, takes a price, or a price has a fraction or a sign.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentConfig } from '../../../main/agent/config.ts';
import { checkRelayPrice } from '../../../main/agent/public-node.ts';

function check(given: Partial<AgentConfig>): void {
  const config: Partial<AgentConfig> = { role: 'relay', profile: 'open', relayPrice: '20', ...given };
  checkRelayPrice(config as AgentConfig);
}

test('a relay may charge whole base units, or nothing', () => {
  for (const relayPrice of ['20', '0', null]) check({ relayPrice });
  for (const relayPrice of ['0.5', '-1', '', '1e3', '9'.repeat(16)])
    assert.throws(() => check({ relayPrice }), /Invalid --relay-price/);
});

test('other roles, and networks without money, can’t charge', () => {
  for (const given of [{ role: 'bootstrap' }, { role: 'owner' }, { profile: 'office' }] as const) {
    assert.throws(() => check(given), /requires --role relay/);
    check({ ...given, relayPrice: null });
  }
});
