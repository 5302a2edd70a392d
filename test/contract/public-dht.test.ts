/**
 * Verifies: two machines of the market find each other through a public DHT alone, without a public node of the market, and
 * the nodes of that DHT stay strangers.
 * Setup: five libp2p nodes that serve only the protocol of the public DHT, and machines of the market that have the addresses
 * of two of them; all on loopback, where private addresses count as public. `npm run test:clients -- --only "public DHT"` does
 * the same with nodes in Go.
 * Fails if: the rendezvous key isn't stored or found, what is found isn't dialed, a node of that DHT becomes a peer of the
 * machine, or a machine whose owner didn't allow it asks anybody.
 * Quiet: each question starts a node.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '@libp2p/identify';
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p, type Libp2p } from 'libp2p';
import { rendezvousKey } from '../../main/core/network/index.ts';
import { PUBLIC_DHT_NODES } from '../../shared/public-dht.ts';
import { settingsSchema } from '../../shared/settings.ts';
import { PUBLIC_DHT_PROTOCOL } from '../../shared/wire.ts';
import { type MeetingMachine, openMeetingMachine } from './meeting-machine.ts';

const NODES = 5;
const MEETING_MS_MAX = 100_000;
/** More than other tests have: the meeting may take that long. */
const TEST_MS_MAX = 150_000;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function until(condition: () => boolean, forMs = 30_000): Promise<void> {
  const endMs = performance.now() + forMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('did not happen in time');
    await sleep(20);
  }
}

/** Nodes that it would ask; the type of the library leaves them out. */
function tableOf(dht: KadDHT): number {
  return (dht as unknown as { routingTable: { size: number } }).routingTable.size;
}

async function openDhtNode(): Promise<Libp2p<{ dht: KadDHT }>> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({ protocol: PUBLIC_DHT_PROTOCOL, clientMode: false, peerInfoMapper: passthroughMapper }),
    },
  });
  closers.push(() => node.stop());
  return node;
}

async function openDht(): Promise<readonly Libp2p<{ dht: KadDHT }>[]> {
  const nodes = await Promise.all(Array.from({ length: NODES }, openDhtNode));
  for (const [index, node] of nodes.entries()) {
    for (const other of nodes.slice(0, index)) await node.dial(other.getMultiaddrs());
  }
  await until(() => nodes.every(({ services }) => tableOf(services.dht) === NODES - 1));
  return nodes;
}

async function openMachine(publicDht: readonly string[]): Promise<MeetingMachine> {
  const machine = await openMeetingMachine(publicDht);
  closers.push(() => machine.close());
  return machine;
}

test('two machines meet that know nothing but nodes of a public DHT', { timeout: TEST_MS_MAX }, async () => {
  const nodes = await openDht();
  const addresses = nodes.slice(0, 2).flatMap((node) => node.getMultiaddrs().map(String));
  const strangers = new Set(nodes.map(({ peerId }) => peerId.toString()));
  const first = await openMachine(addresses);
  const peer = first.network.key.peer;
  // The second one looks within its first second, so the record of the first has to be there.
  const provided = await first.network.market?.publicDht?.provide(rendezvousKey, AbortSignal.timeout(20_000));
  assert.ok((provided ?? 0) > 0);

  const second = await openMachine(addresses);
  const contacted = new Set<string>();
  second.network.market?.publicDht?.onContact((address) => contacted.add(address));
  // On a busy machine the first lookup may find nothing; the next one comes after a minute.
  await until(() => second.isConnectedTo(peer), MEETING_MS_MAX);
  for (const { network } of [first, second]) {
    assert.ok(!network.peers().some((known) => strangers.has(known.peer)));
  }
  assert.ok(
    addresses.some((address) => contacted.has(address)),
    'the register of contacted hosts has them',
  );
});

test('machines whose owner didn’t allow it have nothing to do with a public DHT', async () => {
  const machine = await openMachine([]);
  assert.equal(machine.network.market?.publicDht, null);
});

test('the addresses of the public DHT are those of public nodes, with their peer IDs', () => {
  assert.ok(settingsSchema.shape.publicNodes.safeParse(PUBLIC_DHT_NODES).success);
});
