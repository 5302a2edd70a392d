/**
 * Verifies: only a direct connection that comes from outside this machine's network proves that strangers reach it.
 * Setup: the real class, with connections that a fake node reports.
 * Fails if: the page claims that the router lets strangers in because a neighbor, a relay or this machine itself connected.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { OutsideReach } from '../../../main/adapters/libp2p/outside-reach.ts';

const OWN = ['/ip4/192.168.1.2/tcp/4001', '/ip6/2a02:1:2:3::5/tcp/4001'];

function isProvenBy(direction: 'inbound' | 'outbound', address: string): boolean {
  const events = new EventTarget();
  const reach = new OutsideReach(() => OWN.map((own) => multiaddr(own)));
  reach.watch(events as unknown as Libp2p);
  assert.equal(reach.isProven, false);
  const detail = { direction, remoteAddr: multiaddr(address) };
  events.dispatchEvent(new CustomEvent('connection:open', { detail }));
  return reach.isProven;
}

test('a direct connection from outside is a proof', () => {
  assert.equal(isProvenBy('inbound', '/ip4/45.0.0.30/tcp/50123'), true);
  assert.equal(isProvenBy('inbound', '/ip6/2a02:9:9::1/tcp/50123'), true);
});

test('neighbors, relays and own dials are none', () => {
  assert.equal(isProvenBy('outbound', '/ip4/45.0.0.30/tcp/4001'), false);
  assert.equal(isProvenBy('inbound', '/ip4/192.168.1.7/tcp/50123'), false);
  assert.equal(isProvenBy('inbound', '/ip4/100.64.0.7/tcp/50123'), false);
  assert.equal(isProvenBy('inbound', '/ip6/2a02:1:2:3::9/tcp/50123'), false);
  const relay = '12D3KooWGzq7mN4vYcR2xTs9LkJpE8aQdHhP5uW3oZtN1iBfVwCk';
  assert.equal(isProvenBy('inbound', `/ip4/45.0.0.20/tcp/4001/p2p/${relay}/p2p-circuit`), false);
});
