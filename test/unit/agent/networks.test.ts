/**
 * Verifies: money moves on the network and through the nodes that the owner named; a desktop’s first start waits for
 *   its owner to leave.
 * Setup: valid and invalid names, CAIP-2 IDs and lists of nodes.
 * Fails if: real money is used where test money was meant, a typing error counts as a node, an unknown network is
 * guessed, or a desktop begins to work before its owner has left.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEndpoints, NETWORKS, networkName } from '../../../main/agent/networks.ts';
import { firstSettings, PROFILES, termsOf } from '../../../main/agent/profiles.ts';

test('finds networks by name and by CAIP-2 ID, and known ones only', () => {
  assert.equal(networkName('base'), 'base');
  assert.equal(networkName('eip155:84532'), 'base-sepolia');
  assert.throws(() => networkName('eip155:1'), { code: 'bad-request' });
});

test('only the open profile may choose a network, and only Base is real money', () => {
  assert.equal(termsOf('open', null).chain?.chainId, 84_532);
  assert.equal(termsOf('open', 'base').chain?.chainId, 8_453);
  assert.throws(() => termsOf('practice', 'base'), { code: 'bad-request' });
  assert.throws(() => termsOf('office', 'base'), { code: 'bad-request' });
  assert.equal(NETWORKS.base.token.practice, false);
  assert.equal(NETWORKS['base-sepolia'].token.practice, true);
  for (const { chain, isPaid } of Object.values(PROFILES)) {
    assert.ok(!isPaid || chain?.token.practice !== false);
  }
});

test('every public network has enough nodes to agree, and waits for confirmations', () => {
  for (const network of Object.values(NETWORKS)) {
    assert.ok(network.fallbackRpcUrls.length >= 2, network.id);
    assert.ok(network.confirmations > 1, network.id);
    assert.equal(network.id, `eip155:${network.chainId}`);
    assert.ok(network.token.id.endsWith(network.token.address.toLowerCase()));
  }
});

test('a list of nodes replaces the network’s own; rejects what is not a URL', () => {
  const { rpcUrl, fallbackRpcUrls } = atEndpoints(NETWORKS.base, 'http://one:1, https://two');
  assert.deepEqual([rpcUrl, fallbackRpcUrls], ['http://one:1', ['https://two']]);
  for (const wrong of ['', 'one', 'http://one,', 'file:///etc/hosts']) {
    assert.throws(() => atEndpoints(NETWORKS.base, wrong), { code: 'bad-request' }, wrong);
  }
});

test('a desktop’s first start runs only while its owner is away, in every profile; a headless machine always', () => {
  for (const profile of ['practice', 'office', 'open'] as const) {
    assert.equal(firstSettings(profile, 'desktop').runWhen, 'idle', profile);
    assert.equal(firstSettings(profile, 'headless').runWhen, 'always', profile);
  }
});
