/**
 * Verifies: public nodes test the addresses of a machine, and nothing else, and the machine believes what two of them agree on.
 * Setup: real nodes on loopback, where private addresses count as public; two public nodes at different addresses.
 * Fails if: a stranger makes a public node dial another host, a service below port 1024 or the same host again and again; one
 * node's word is enough; an answer counts although its node hasn't connected; or a port where nobody answers counts as reached.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { lpStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { ASKS_PER_PEER_AND_HOUR } from '../../main/adapters/libp2p/dial-back.ts';
import {
  DIAL,
  type DialResponse,
  RESPONSE,
  readRequest,
  readResponse,
  writeRequest,
  writeResponse,
} from '../../main/adapters/libp2p/dial-messages.ts';
import { createNetwork, createPublicNode } from '../../main/adapters/libp2p/index.ts';
import { createNode, type Node } from '../../main/adapters/libp2p/node.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Market, PublicNode } from '../../main/ports/network.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { DIAL_REQUEST_PROTOCOL } from '../../shared/wire.ts';
import { createRecordingLog } from '../fakes/log.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'idlewatt-tests-'));
  closers.push(() => rmSync(made, { recursive: true }));
  return made;
}

async function until(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error('did not happen in time');
    await sleep(10);
  }
}

async function openPublic(host: string): Promise<PublicNode> {
  // Addresses can't be announced before the port is known, and nobody dials this node by its announced one.
  const probe = createServer().listen(0, host);
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = forceUnwrap('it listens', probe.address()) as { readonly port: number };
  await new Promise((resolve) => probe.close(resolve));
  const address = `/ip4/${host}/tcp/${port}`;
  const node = await createPublicNode({
    ...{ folder: folder(), clock: systemClock, log: createRecordingLog() },
    ...{ listen: [address], announce: [address], bootstrap: [], isRelay: false, scope: 'any' },
  });
  await node.start();
  closers.push(() => node.stop());
  return node;
}

async function openNode(listen: readonly string[] = []): Promise<Node> {
  const node = await createNode({
    ...{ privateKey: await generateKeyPair('Ed25519'), listen, mdnsServiceTag: null, connectionGater: {} },
    onFound: () => undefined,
  });
  await node.start();
  closers.push(() => node.stop());
  return node;
}

/** A node at another address that answers every question about an address in this way. */
async function openLiar(host: string, answer: DialResponse): Promise<string> {
  const node = await openNode([`/ip4/${host}/tcp/0`]);
  await node.handle(DIAL_REQUEST_PROTOCOL, async (stream) => {
    const messages = lpStream(stream);
    assert.ok(readRequest((await messages.read()).subarray()));
    await messages.write(writeResponse(answer));
    await stream.close();
  });
  return String(node.getMultiaddrs()[0]);
}

/** A machine on 127.0.0.1 that has joined through these nodes. */
async function openMachine(nodes: readonly string[], announce: readonly string[] = []): Promise<Market> {
  const network = await createNetwork({
    ...{ folder: null, clock: systemClock, mdns: false, log: createRecordingLog() },
    market: { announce, scope: 'any' },
  });
  await network.start();
  closers.push(() => network.stop());
  const market = forceUnwrap('it takes part in the market', network.market);
  market.join(nodes);
  return market;
}

const resultOf = (market: Market) => market.ways().addresses[0]?.result;
const addressOf = (node: PublicNode) => String(node.addresses()[0]);

/** Asks a public node about addresses, as any stranger can. */
async function ask(stranger: Node, node: PublicNode, addresses: readonly string[]): Promise<DialResponse> {
  const connection = await stranger.dial(multiaddr(addressOf(node)));
  const stream = await connection.newStream(DIAL_REQUEST_PROTOCOL);
  const messages = lpStream(stream);
  const binary = addresses.map((address) => multiaddr(address).bytes);
  await messages.write(writeRequest({ addresses: binary, nonce: 1n }));
  const answer = readResponse((await messages.read()).subarray());
  await stream.close();
  return forceUnwrap('it answers', answer);
}

describe('a machine', () => {
  it('counts as reached at an address where two public nodes connected', async () => {
    const [first, second] = await Promise.all([openPublic('127.0.0.1'), openPublic('127.0.0.2')]);
    const market = await openMachine([addressOf(first)]);
    await until(() => market.ways().addresses.length > 0);
    // One node's word isn't enough.
    await sleep(1_500);
    assert.equal(resultOf(market), 'untested');
    market.join([addressOf(second)]);
    await until(() => resultOf(market) === 'reached');
  });

  it('counts as unreached at an address where nobody answers', async () => {
    const nodes = await Promise.all([openPublic('127.0.0.1'), openPublic('127.0.0.2')]);
    const market = await openMachine(nodes.map(addressOf), ['/ip4/127.0.0.1/tcp/1025']);
    await until(() => resultOf(market) === 'unreached');
  });

  it('doesn’t believe nodes that say they connected and didn’t', async () => {
    const claim = { status: RESPONSE.ok, index: 0, dial: DIAL.ok };
    const liars = await Promise.all(['127.0.0.3', '127.0.0.4'].map((host) => openLiar(host, claim)));
    const market = await openMachine(liars, ['/ip4/127.0.0.1/tcp/1025']);
    await until(() => market.ways().addresses.length > 0);
    await sleep(1_500);
    assert.equal(resultOf(market), 'untested');
  });
});

describe('a public node', () => {
  it('dials only the host that asks, and no port below 1024', async () => {
    const node = await openPublic('127.0.0.1');
    const dialed: string[] = [];
    const trap = createServer((socket) => socket.destroy());
    trap.on('connection', (socket) => dialed.push(String(socket.localAddress)));
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.9', resolve));
    closers.push(() => new Promise((resolve) => trap.close(resolve)));
    const { port } = trap.address() as { readonly port: number };
    const stranger = await openNode();
    const refused = [
      ...[`/ip4/127.0.0.9/tcp/${port}`, '/ip4/127.0.0.1/tcp/22', '/dns4/localhost/tcp/4001'],
      ...[`/ip4/127.0.0.1/udp/${port}/quic-v1`, `${addressOf(node)}/p2p-circuit`],
      ...[addressOf(node)],
    ];
    const { status } = await ask(stranger, node, refused);
    assert.equal(status, RESPONSE.refused);
    assert.deepEqual(dialed, []);
  });

  it('tells a port where nobody answers from one where somebody else does', async () => {
    const node = await openPublic('127.0.0.1');
    const other = createServer((socket) => socket.end('SSH-2.0-x\r\n', () => socket.destroy()));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as { readonly port: number };
    const stranger = await openNode();
    for (const each of [1_025, port]) {
      const answer = await ask(stranger, node, [`/ip4/127.0.0.1/tcp/${each}`]);
      assert.deepEqual([answer.status, answer.dial], [RESPONSE.ok, DIAL.error]);
    }
  });

  it('answers a few questions of one peer per hour', async () => {
    const node = await openPublic('127.0.0.1');
    const stranger = await openNode();
    const answers: number[] = [];
    for (let asked = 0; asked <= ASKS_PER_PEER_AND_HOUR; asked += 1) {
      answers.push((await ask(stranger, node, ['/ip4/127.0.0.9/tcp/4001'])).status);
    }
    assert.deepEqual(answers.slice(-2), [RESPONSE.refused, RESPONSE.rejected]);
  });
});
