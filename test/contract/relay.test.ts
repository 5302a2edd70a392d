/**
 * Verifies: a relay forwards streams without an end of its own, through renewals of a place, within its limits per peer and
 * subnet, and counts what it does.
 * Setup: a real relay, provider and requester on loopback, where private addresses count as public; places of 3 s, renewed
 * by messages of the relay protocol that the test sends.
 * Fails if: a renewal cuts an answer, one peer uses up the relay, a refused peer is not counted, or a relayed request gets
 * the subnet that it claims.
 * Quiet: places end by the clock of the machine.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { Hono } from 'hono';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import { serveStreams } from '../../main/adapters/libp2p/http-server.ts';
import { createNetwork, createPublicNode } from '../../main/adapters/libp2p/index.ts';
import { openMarket } from '../../main/adapters/libp2p/market.ts';
import { createMarketParts } from '../../main/adapters/libp2p/market-parts.ts';
import { createMetering } from '../../main/adapters/libp2p/metering.ts';
import { createNode, type Node } from '../../main/adapters/libp2p/node.ts';
import { RELAY_LIMITS, type RelayService } from '../../main/adapters/libp2p/relay-service.ts';
import { countTraffic } from '../../main/adapters/libp2p/stream-socket.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Network, PublicNode, RelayLimits } from '../../main/ports/network.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { createRecordingLog } from '../fakes/log.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'idlewatt-relay-'));
  closers.push(() => rmSync(made, { recursive: true }));
  return made;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error('did not happen in time');
    await sleep(10);
  }
}

let nextPort = 20_000 + (process.pid % 10_000);

async function openRelay(
  limits: Partial<RelayLimits> = {},
  bootstrap: readonly string[] = [],
): Promise<PublicNode> {
  nextPort += 1;
  const address = `/ip4/127.0.0.1/tcp/${nextPort}`;
  const relay = await createPublicNode({
    ...{ folder: folder(), clock: systemClock, log: createRecordingLog() },
    ...{ listen: [address], announce: [address], bootstrap },
    ...{ isRelay: true, scope: 'any', limits: { ...RELAY_LIMITS, ...limits } },
  });
  await relay.start();
  closers.push(() => relay.stop());
  return relay;
}

type Relay = Pick<PublicNode, 'addresses'>;

/** A relay as others run it: two minutes and 128 KiB for each connection. */
async function openLimitedRelay(): Promise<Relay & { readonly relayedConnections: () => number }> {
  nextPort += 1;
  const address = `/ip4/127.0.0.1/tcp/${nextPort}`;
  const privateKey = await generateKeyPair('Ed25519');
  const parts = { privateKey, scope: 'any', announce: [address], isServer: true } as const;
  let relayed = 0;
  const counter = {
    trackStream({ protocol }) {
      if (protocol === RELAY_V2_STOP_CODEC) relayed += 1;
    },
  } satisfies Partial<RelayService>;
  const node = await createNode({
    ...{ privateKey, listen: [address], mdnsServiceTag: null, connectionGater: {}, onFound: () => undefined },
    market: {
      ...createMarketParts({ ...parts, relay: {} }),
      metrics: createMetering(counter as unknown as RelayService, () => 0).metrics,
    },
  });
  await node.start();
  closers.push(() => node.stop());
  return { addresses: () => node.getMultiaddrs().map(String), relayedConnections: () => relayed };
}

/** Unless it listens, nobody can dial it directly. */
async function openMachine(relay: Relay | null, listen: readonly string[] = []): Promise<Network> {
  const network = await createNetwork({
    ...{ folder: folder(), clock: systemClock, mdns: false, listen },
    market: { announce: [], scope: 'any' },
  });
  await network.start();
  closers.push(() => network.stop());
  if (relay !== null) network.market?.join(relay.addresses());
  return network;
}

function service(): Hono {
  const app = new Hono();
  app.get('/bytes', (context) => context.body('x'.repeat(Number(context.req.query('count')))));
  app.get('/subnet', (context) => context.text(context.req.header('x-peer-subnet') ?? 'unknown'));
  app.get('/events', () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await sleep(50);
        sent += 1;
        controller.enqueue(new TextEncoder().encode(`data: ${sent}\n\n`));
      },
    });
    return new Response(body);
  });
  return app;
}

async function openProvider(relay: Relay): Promise<Network> {
  const provider = await openMachine(relay);
  provider.serve(createHttpServer(service()));
  await until(() => provider.market?.reach() === 'relayed');
  return provider;
}

/** A provider whose connections the test can use. */
async function openProviderNode(relay: PublicNode): Promise<Node> {
  const privateKey = await generateKeyPair('Ed25519');
  const log = createRecordingLog();
  const open = openMarket({ announce: [], scope: 'any' }, privateKey, { clock: systemClock, log });
  const node = await createNode({
    ...{ privateKey, listen: open.listen, mdnsServiceTag: null, connectionGater: {} },
    ...{ onFound: () => undefined, market: open.parts },
  });
  open.start(node);
  await node.start();
  closers.push(async () => {
    open.stop();
    await node.stop();
  });
  serveStreams(node, createHttpServer(service()), { traffic: countTraffic(), clock: systemClock, log });
  await node.dial(multiaddr(relay.addresses()[0]));
  await until(() => node.getMultiaddrs().length > 0);
  return node;
}

/** Type 0 of the relay protocol with its length before it: `RESERVE` to a relay, `CONNECT` from one. */
const TYPE_0 = new Uint8Array([2, 8, 0]);

async function renew(node: Node, relay: PublicNode): Promise<void> {
  const connection = forceUnwrap('a connection', node.getConnections(peerIdFromString(relay.peer))[0]);
  const stream = await connection.newStream(RELAY_V2_HOP_CODEC);
  const answered = new Promise((resolve) => stream.addEventListener('message', resolve, { once: true }));
  stream.send(TYPE_0);
  await answered;
  await stream.close();
}

/** A requester that knows the provider's relayed address. */
async function openRequester(relay: Relay, provider: Network): Promise<Network> {
  const requester = await openMachine(relay);
  const isDialed = await requester.market?.dial(
    [`${relay.addresses()[0]}/p2p-circuit/p2p/${provider.key.peer}`],
    AbortSignal.timeout(5_000),
  );
  assert.equal(isDialed, true);
  return requester;
}

async function metric(relay: PublicNode, name: string): Promise<number> {
  const line = (await relay.metrics()).split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}

describe('relay', () => {
  it('streams through three renewals of a place', async () => {
    const relay = await openRelay({ placeMs: 3_000 });
    const node = await openProviderNode(relay);
    const requester = await openMachine(relay);
    const peer = node.peerId.toString();
    const address = `${relay.addresses()[0]}/p2p-circuit/p2p/${peer}`;
    assert.equal(await requester.market?.dial([address], AbortSignal.timeout(5_000)), true);
    const response = await requester.fetch(peer, '/events', {});
    const reader = forceUnwrap('a body', response.body).getReader();
    for (let renewal = 0; renewal < 4; renewal += 1) {
      const renewAtMs = performance.now() + 1_200;
      while (performance.now() < renewAtMs) assert.equal((await reader.read()).done, false);
      if (renewal < 3) await renew(node, relay);
    }
    await reader.cancel();
  });

  it('gives a provider no subnet for a peer that it connects, even if the request claims one', async () => {
    const relay = await openRelay();
    const provider = await openProvider(relay);
    const requester = await openRequester(relay, provider);
    const headers = { 'X-Peer-Subnet': '10.0.0' };
    const response = await requester.fetch(provider.key.peer, '/subnet', { headers });
    assert.equal(await response.text(), 'unknown');
  });

  it('ends a place that isn’t renewed', async () => {
    const relay = await openRelay({ placeMs: 1_000 });
    await openProvider(relay);
    assert.equal(await metric(relay, 'idlewatt_relay_places'), 1);
    await until(async () => (await metric(relay, 'idlewatt_relay_places')) === 0);
  });

  it('cuts a peer that sends more than its share, refuses it for the rest of the hour, and counts that', async () => {
    const relay = await openRelay({ bytesPerPeerAndHour: 1_000_000 });
    const provider = await openProvider(relay);
    const requester = await openRequester(relay, provider);
    const fetchBytes = async (count: number) =>
      (await (await requester.fetch(provider.key.peer, `/bytes?count=${count}`, {})).text()).length;
    assert.equal(await fetchBytes(100_000), 100_000);
    assert.ok((await metric(relay, 'idlewatt_relay_bytes')) > 100_000);
    await assert.rejects(fetchBytes(3_000_000));
    await assert.rejects(fetchBytes(10));
    assert.ok((await metric(relay, 'idlewatt_relay_refused')) >= 2);
  });

  it('gives one subnet a limited number of places', async () => {
    const relay = await openRelay({ placesPerSubnet: 2 });
    await openProvider(relay);
    await openProvider(relay);
    const third = await openMachine(relay);
    await until(async () => (await metric(relay, 'idlewatt_relay_refused')) > 0);
    assert.equal(third.market?.reach(), 'none');
    assert.equal(await metric(relay, 'idlewatt_relay_places'), 2);
  });
});

describe('places at relays', () => {
  it('are two of the relays that a machine dialed, and a third when one goes away', async () => {
    const relays = [await openRelay(), await openRelay()];
    const machine = await openMachine(null);
    const places = () =>
      new Set(machine.addresses().map((address) => address.split('/p2p/')[1]?.split('/')[0]));
    machine.market?.join(relays.flatMap((relay) => relay.addresses()));
    await until(() => places().size === 2);
    const third = await openRelay();
    machine.market?.join(third.addresses());
    await relays[0]?.stop();
    await until(() => places().has(third.peer));
    assert.deepEqual(places(), new Set([relays[1]?.peer, third.peer]));
  });

  it('serve requests over one connection, even with the limits of relays of others', async () => {
    const limited = await openLimitedRelay();
    const provider = await openProvider(limited);
    const requester = await openRequester(limited, provider);
    for (let request = 0; request < 3; request += 1) {
      const response = await requester.fetch(provider.key.peer, '/bytes?count=10', {});
      assert.equal((await response.text()).length, 10);
    }
    assert.equal(limited.relayedConnections(), 1);
  });

  it('are not taken at a relay that connects to this machine', async () => {
    const wanted = await openRelay();
    const machine = await openMachine(null, ['/ip4/127.0.0.1/tcp/0']);
    const pushing = await openRelay({}, machine.addresses());
    await until(() => machine.peers().some(({ peer, connected }) => peer === pushing.peer && connected));
    machine.market?.join(wanted.addresses());
    const places = () => machine.addresses().filter((address) => address.includes('/p2p-circuit'));
    await until(() => places().length > 0);
    assert.ok(places().every((address) => address.includes(wanted.peer)));
  });

  it('are not taken at a stranger that forwards a connection', async () => {
    const machine = await openMachine(null, ['/ip4/127.0.0.1/tcp/0']);
    const privateKey = await generateKeyPair('Ed25519');
    const options = { privateKey, scope: 'any', announce: [], isServer: true } as const;
    const stranger = await createNode({
      ...{ privateKey, listen: [], mdnsServiceTag: null, connectionGater: {}, onFound: () => undefined },
      market: createMarketParts({ ...options, relay: {} }),
    });
    await stranger.start();
    closers.push(() => stranger.stop());
    const connection = await stranger.dial(multiaddr(machine.addresses()[0]));
    const stream = await connection.newStream(RELAY_V2_STOP_CODEC);
    const answered = new Promise((resolve) => stream.addEventListener('message', resolve, { once: true }));
    // `CONNECT` without the peer that connects: its refusal comes after the machine would have taken a place.
    stream.send(TYPE_0);
    await answered;
    assert.deepEqual(
      machine.addresses().filter((address) => address.includes('/p2p-circuit')),
      [],
    );
  });
});
