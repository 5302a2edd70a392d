/**
 * Verifies: a machine announces no address of its LAN to strangers, and dials none that a stranger's record names.
 * Setup: the filters alone.
 * Fails if: a private, loopback or relayed private address leaves, or a record makes this machine knock at its router.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import {
  ADDRESSES_PER_PEER_MAX,
  announced,
  dialable,
  namedAddress,
} from '../../../main/adapters/libp2p/public-addresses.ts';
import { isAppError } from '../../../shared/errors.ts';

const RELAY = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN';
const PRIVATE = [
  '/ip4/127.0.0.1/tcp/4001',
  '/ip4/192.168.1.2/tcp/4001',
  '/ip4/10.0.0.1/tcp/80',
  '/ip4/169.254.1.1/tcp/80',
  '/ip6/::1/tcp/4001',
  '/ip6/fe80::1/tcp/4001',
  '/ip6/fd00::1/tcp/4001',
  `/ip4/192.168.1.2/tcp/4001/p2p/${RELAY}/p2p-circuit`,
];
const PUBLIC = [
  '/ip4/45.0.0.10/tcp/4001',
  '/ip6/2600::1/tcp/4001',
  `/ip4/45.0.0.10/tcp/4001/p2p/${RELAY}/p2p-circuit`,
  `/dns4/relay.example.org/tcp/443/tls/ws/p2p/${RELAY}/p2p-circuit`,
];
const read = (addresses: readonly string[]) => addresses.map((address) => multiaddr(address));

test('only public addresses are announced', () => {
  const kept = announced('public')(read([...PRIVATE, ...PUBLIC]));
  assert.deepEqual(kept.map(String), PUBLIC);
});

test('of a record only public addresses are dialed, and a name only with TLS', () => {
  const names = ['/dns4/router.lan/tcp/80', '/dns/localhost/tcp/80', '/dns4/evil.example/tcp/80/ws'];
  const kept = dialable(read([...PRIVATE, ...names, ...PUBLIC]), 'public');
  assert.deepEqual(kept.map(String), PUBLIC);
});

test('of a record with many addresses few are dialed', () => {
  const many = Array.from({ length: 100 }, (_, index) => `/ip4/45.0.0.${index + 1}/tcp/4001`);
  assert.equal(dialable(read(many), 'public').length, ADDRESSES_PER_PEER_MAX);
});

test('a named address needs the ID of its peer', () => {
  assert.equal(namedAddress(`/ip4/45.0.0.10/tcp/4001/p2p/${RELAY}`).toString().endsWith(RELAY), true);
  for (const text of ['nonsense', '/ip4/45.0.0.10/tcp/4001', '', '/ip4/45.0.0.10/tcp/4001/p2p/nobody']) {
    assert.throws(
      () => namedAddress(text),
      (error) => isAppError(error, 'bad-request'),
    );
  }
});
