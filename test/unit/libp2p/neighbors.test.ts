/**
 * Verifies: connected servers of the DHT that its routing table lacks are tried again, and nobody else is.
 * Setup: the real function with a manual clock, a fake node and a fake table, since libp2p's own pings can't be made late.
 * Fails if: a node stays without neighbors after a first ping that was late, tries peers that serve no DHT, or continues after its
 * stop or with enough neighbors.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Libp2p, PeerId } from '@libp2p/interface';
import type { KadDHT } from '@libp2p/kad-dht';
import { keepNeighbors } from '../../../main/adapters/libp2p/neighbors.ts';
import { DHT_PROTOCOL } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';

function setUp(servers: readonly string[], others: readonly string[]) {
  const clock = manualClock(0);
  const table = new Set<string>();
  const tried: string[] = [];
  const node = Object.assign(new EventTarget(), {
    getPeers: () => [...servers, ...others],
    peerStore: {
      get: async (peer: string) => ({ protocols: servers.includes(peer) ? [DHT_PROTOCOL] : [] }),
    },
  });
  const routingTable = {
    get size() {
      return table.size;
    },
    find: async (peer: string) => (table.has(peer) ? peer : undefined),
    // The first try of each comes to nothing.
    async add(peer: PeerId) {
      if (tried.includes(peer.toString())) table.add(peer.toString());
      tried.push(peer.toString());
    },
  };
  keepNeighbors(node as unknown as Libp2p, { routingTable } as unknown as KadDHT, clock);
  const wait = async () => {
    clock.advance(5_000);
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  return { node, table, tried, wait };
}

test('tries servers that the table lacks until it has them, from the start to the stop', async () => {
  const { node, table, tried, wait } = setUp(['a', 'b'], ['client']);
  await wait();
  assert.deepEqual(tried, []);
  node.dispatchEvent(new Event('start'));
  for (let check = 0; check < 4; check += 1) await wait();
  assert.deepEqual(
    [tried, [...table]],
    [
      ['a', 'b', 'a', 'b'],
      ['a', 'b'],
    ],
  );
  table.clear();
  node.dispatchEvent(new Event('stop'));
  await wait();
  assert.equal(tried.length, 4);
});

test('tries nobody while there are enough neighbors', async () => {
  const { node, table, tried, wait } = setUp(['a'], []);
  for (let neighbor = 0; neighbor < 8; neighbor += 1) table.add(`${neighbor}`);
  node.dispatchEvent(new Event('start'));
  await wait();
  assert.deepEqual(tried, []);
});
