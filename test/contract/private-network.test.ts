/**
 * Verifies: machines with the same network key connect and pass HTTP with their peer IDs; a peer with another key, or with
 * none, doesn't connect.
 * Setup: real libp2p nodes on loopback, with and without a pre-shared key.
 * Fails if: the key isn't used in one direction, or the identity of a peer gets lost behind it.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { createNetwork } from '../../main/adapters/libp2p/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Network } from '../../main/ports/network.ts';

const [KEY, OTHER_KEY] = ['ab'.repeat(32), 'cd'.repeat(32)];
const opened: Network[] = [];
after(() => Promise.all(opened.map((network) => network.stop())));

async function open(networkKey: string | null): Promise<Network> {
  const network = await createNetwork({
    ...{ folder: null, clock: systemClock, mdns: false },
    ...(networkKey !== null && { networkKey }),
  });
  network.serve(createServer((request, response) => response.end(request.headers['x-peer-id'])));
  await network.start();
  opened.push(network);
  return network;
}

test('machines with the same key reach each other, and nobody else reaches them', async () => {
  const [first, second, other, stranger] = await Promise.all([
    open(KEY),
    open(KEY),
    open(OTHER_KEY),
    open(null),
  ]);
  const addressOf = (network: Network) => network.addresses()[0] ?? '';
  await second.connect(addressOf(first));
  const answer = await second.fetch(first.key.peer, '/', { headers: { 'x-peer-id': stranger.key.peer } });
  assert.equal(await answer.text(), second.key.peer);
  for (const outside of [other, stranger]) {
    await assert.rejects(outside.connect(addressOf(first)), { code: 'peer-unreachable' });
    await assert.rejects(first.connect(addressOf(outside)), { code: 'peer-unreachable' });
  }
  assert.deepEqual(
    first.peers().map(({ peer }) => peer),
    [second.key.peer],
  );
});
