/**
 * Verifies: the page Network names the widest circle of machines that can connect to this one.
 * Setup: addresses as the agent reports them.
 * Fails if: a place at a relay, whose address begins with the relay's public one, is shown as a public address of this machine.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachabilityOf } from '../../../renderer/pages/reachability.ts';

const LAN = '/ip4/192.168.1.2/tcp/4001/p2p/A';
const LOOPBACK = '/ip4/127.0.0.1/tcp/4001/p2p/A';
const AT_RELAY = '/ip4/45.0.0.20/tcp/4001/p2p/R/p2p-circuit/p2p/A';
const PUBLIC = '/ip4/45.0.0.30/tcp/4001/p2p/A';

const of = (addresses: readonly string[], isReachedFromOutside = false) =>
  reachabilityOf({ addresses: [...addresses], isReachedFromOutside, ways: null });

test('each set of addresses has its own sentence', () => {
  assert.equal(of([]), 'none');
  assert.equal(of([LOOPBACK]), 'this-computer');
  assert.equal(of([LOOPBACK, LAN, '/ip6/fe80::1/tcp/1/p2p/A']), 'local-network');
  assert.equal(of([LOOPBACK, LAN, AT_RELAY]), 'relayed');
  assert.equal(of([LAN, AT_RELAY, PUBLIC]), 'public-address');
});

test('a stranger that has connected proves more than any address', () => {
  assert.equal(of([LAN, AT_RELAY], true), 'proven');
});
