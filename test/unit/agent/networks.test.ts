/**
 * Goal: the network that money moves on is the one the owner named, at the nodes the owner named.
 * Method: names, CAIP-2 ids and lists of nodes, right and wrong ones.
 * Would break: real money where test money was meant, a typing error taken for a node, an unknown network guessed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEndpoints, NETWORKS, networkName } from '../../../main/agent/networks.ts';
import { PROFILES, termsOf } from '../../../main/agent/profiles.ts';

test('networks are found by name and by CAIP-2 id, and only known ones', () => {
  assert.equal(networkName('base'), 'base');
  assert.equal(networkName('eip155:84532'), 'base-sepolia');
  assert.throws(() => networkName('eip155:1'), { code: 'bad-request' });
});

test('only the open profile may choose; Base is real money and no other is', () => {
  assert.equal(termsOf('open', null).chain?.chainId, 84_532);
  assert.equal(termsOf('open', 'base').chain?.chainId, 8_453);
  assert.throws(() => termsOf('practice', 'base'), { code: 'bad-request' });
  assert.throws(() => termsOf('office', 'base'), { code: 'bad-request' });
  assert.equal(NETWORKS.base.token.practice, false);
  assert.equal(NETWORKS['base-sepolia'].token.practice, true);
  for (const { chain } of Object.values(PROFILES)) assert.notEqual(chain?.token.practice, false);
});

test('every public network has nodes enough to agree, and waits for confirmations', () => {
  for (const network of Object.values(NETWORKS)) {
    assert.ok(network.fallbackRpcUrls.length >= 2, network.id);
    assert.ok(network.confirmations > 1, network.id);
    assert.equal(network.id, `eip155:${network.chainId}`);
    assert.ok(network.token.id.endsWith(network.token.address.toLowerCase()));
  }
});

test('a list of nodes replaces the network’s own, and what is no address is refused', () => {
  const { rpcUrl, fallbackRpcUrls } = atEndpoints(NETWORKS.base, 'http://one:1, https://two');
  assert.deepEqual([rpcUrl, fallbackRpcUrls], ['http://one:1', ['https://two']]);
  for (const wrong of ['', 'one', 'http://one,', 'file:///etc/hosts']) {
    assert.throws(() => atEndpoints(NETWORKS.base, wrong), { code: 'bad-request' }, wrong);
  }
});
