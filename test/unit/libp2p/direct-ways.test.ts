/**
 * Verifies: a peer that is connected over a relay only is asked for its addresses, and dialed at the direct ones.
 * Setup: the search alone, with a node that the test plays and a clock that the test moves.
 * Fails if: a direct connection is replaced, addresses of a LAN or of relays are dialed, a peer is asked with each request, or it
 * is asked only once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Libp2p } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { DirectWays } from '../../../main/adapters/libp2p/direct-ways.ts';
import { manualClock } from '../../fakes/clock.ts';

const PEER = peerIdFromString('12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp');
const RELAYED = `/ip4/45.0.0.20/tcp/4001/p2p/12D3KooWMfJoto6bGrVWJ5VDy716CzBJz5LNnru7ZmXx3RN4virQ/p2p-circuit/p2p/${PEER}`;
const DIRECT = '/ip4/45.0.0.101/tcp/4001';

function setUp(connections: readonly string[], known: readonly string[]) {
  const clock = manualClock(0);
  const dialed: string[][] = [];
  const state = { known, isThere: true };
  const node = {
    getConnections: () => connections.map((address) => ({ remoteAddr: multiaddr(address) })),
    peerStore: {
      get: async () => ({ addresses: state.known.map((address) => ({ multiaddr: multiaddr(address) })) }),
    },
    async dial(addresses: readonly Multiaddr[]) {
      dialed.push(addresses.map(String));
      if (!state.isThere) throw new Error('nobody answers');
    },
  };
  let asked = 0;
  const ways = new DirectWays({
    ...{ node: node as unknown as Libp2p, scope: 'public', clock },
    async identify() {
      asked += 1;
    },
  });
  return { clock, dialed, state, asked: () => asked, find: () => ways.find(PEER) };
}

test('dials the direct addresses of a peer that is connected over a relay', async () => {
  const { dialed, find } = setUp([RELAYED], [RELAYED, DIRECT]);
  assert.equal(await find(), true);
  assert.deepEqual(dialed, [[`${DIRECT}/p2p/${PEER}`]]);
});

test('leaves alone who is connected directly, or not at all', async () => {
  for (const connections of [[], [DIRECT], [RELAYED, DIRECT]]) {
    const { dialed, find } = setUp(connections, [DIRECT]);
    assert.equal(await find(), false);
    assert.deepEqual(dialed, []);
  }
});

test('dials no address of a LAN, of this machine or of a relay', async () => {
  const { dialed, find } = setUp(
    [RELAYED],
    [RELAYED, '/ip4/192.168.1.1/tcp/80', '/ip4/127.0.0.1/tcp/22', '/dns4/router/tcp/80'],
  );
  assert.equal(await find(), false);
  assert.deepEqual(dialed, []);
});

test('asks again in growing pauses, however many requests there are', async () => {
  const { clock, dialed, state, asked, find } = setUp([RELAYED], [RELAYED]);
  for (let request = 0; request < 10; request += 1) assert.equal(await find(), false);
  assert.deepEqual([asked(), dialed.length], [1, 0]);
  state.known = [RELAYED, DIRECT];
  clock.advance(10_000);
  assert.equal(await find(), true);
  state.isThere = false;
  for (let second = 0; second < 3_600; second += 1) {
    clock.advance(1_000);
    assert.equal(await find(), false);
  }
  assert.ok(asked() > 10 && asked() < 20, `${asked()} times`);
});
