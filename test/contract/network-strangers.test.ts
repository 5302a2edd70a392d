/**
 * Verifies: no stranger can use up the connections, streams or memory of a machine, or hold them without end.
 * Setup: real libp2p nodes on loopback; strangers dial and write bytes by hand, on a clock that the test moves.
 * Fails if: one peer holds many connections, half a request stays open, or a newcomer finds no place.
 * Quiet: bytes are given a tenth of a second to arrive.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { Hono } from 'hono';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import {
  CONNECTIONS_PER_ADDRESS_MAX,
  CONNECTIONS_PER_PEER_MAX,
} from '../../main/adapters/libp2p/connection-limits.ts';
import { createNetwork } from '../../main/adapters/libp2p/index.ts';
import { createNode } from '../../main/adapters/libp2p/node.ts';
import {
  BODY_MS_MAX,
  END_MS_MAX,
  HEADERS_MS_MAX,
  IDLE_MS_MAX,
  STREAMS_PER_PEER_MAX,
} from '../../main/adapters/libp2p/served-streams.ts';
import type { Network } from '../../main/ports/network.ts';
import { type ManualClock, manualClock } from '../fakes/clock.ts';

const PROTOCOL = '/http/1.1';
const closers: (() => unknown)[] = [];
let clock: ManualClock;
let server: Network;
let address: string;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function openNetwork(): Promise<Network> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-strangers-'));
  const network = await createNetwork({ folder, clock, mdns: false });
  await network.start();
  closers.push(async () => {
    await network.stop();
    rmSync(folder, { recursive: true });
  });
  return network;
}

async function stranger(): Promise<Libp2p> {
  const node = await createNode({
    privateKey: await generateKeyPair('Ed25519'),
    listen: [],
    mdnsServiceTag: null,
    onFound: () => undefined,
    connectionGater: {},
  });
  await node.start();
  closers.push(() => node.stop());
  return node;
}

const dial = (node: Libp2p) => node.dial(multiaddr(address), { force: true });

/** Opens a stream on a connection of its own if wanted, and writes the text. */
async function send(node: Libp2p, text: string, own = false): Promise<Stream> {
  const connection = own ? await dial(node) : await node.dial(multiaddr(address));
  const stream = await connection.newStream(PROTOCOL, { maxOutboundStreams: 1_000 });
  stream.addEventListener('message', () => undefined);
  try {
    if (text !== '') stream.send(new TextEncoder().encode(text));
  } catch {
    // Refused already.
  }
  return stream;
}

const isOver = (stream: Stream) => stream.status !== 'open';
const openAt = () => server.peers().filter((peer) => peer.connected).length;
/** Waits until what was sent has arrived. */
const arrived = () => new Promise((resolve) => setTimeout(resolve, 100));

beforeEach(async () => {
  clock = manualClock(1_700_000_000_000);
  server = await openNetwork();
  address = server.addresses()[0] ?? '';
  const app = new Hono();
  app.onError((_error, context) => context.text('failed', 500));
  app.get('/hello', (context) => context.text('hello'));
  app.post('/length', async (context) => context.text(String((await context.req.text()).length)));
  server.serve(createHttpServer(app));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function assertServesNewcomer(): Promise<void> {
  const newcomer = await openNetwork();
  // libp2p accepts 50 connections per second from one host, which the strangers may have used up: a peer dials again.
  const endMs = performance.now() + 5_000;
  for (;;) {
    const isConnected = await newcomer.connect(address).then(
      () => true,
      (error: unknown) => {
        if (performance.now() > endMs) throw error;
        return false;
      },
    );
    if (isConnected) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const response = await newcomer.fetch(server.key.peer, '/hello', {});
  assert.equal(await response.text(), 'hello');
}

describe('connections of strangers', () => {
  it('are few for one peer, and a newcomer finds a place', async () => {
    const node = await stranger();
    for (let count = 0; count < 30; count += 1) await dial(node).catch(() => undefined);
    await arrived();
    const held = () => node.getConnections().filter((connection) => connection.status === 'open').length;
    assert.equal(held(), CONNECTIONS_PER_PEER_MAX);
    await assertServesNewcomer();
  });

  it('of one address don’t shut out a newcomer from there', async () => {
    const nodes = await Promise.all(Array.from({ length: CONNECTIONS_PER_ADDRESS_MAX + 6 }, stranger));
    for (const node of nodes) await dial(node).catch(() => undefined);
    await assertServesNewcomer();
    assert.ok(openAt() <= CONNECTIONS_PER_ADDRESS_MAX, `${openAt()} peers`);
  });

  it('don’t cost a paying peer its connection', async () => {
    const payer = await openNetwork();
    await payer.connect(address);
    await until(() => openAt() === 1);
    server.prefer(payer.key.peer);
    const nodes = await Promise.all(Array.from({ length: CONNECTIONS_PER_ADDRESS_MAX + 6 }, stranger));
    for (const node of nodes) await dial(node).catch(() => undefined);
    assert.ok(server.peers().some(({ peer, connected }) => peer === payer.key.peer && connected));
  });
});

describe('streams of strangers', () => {
  it('end when the headers aren’t complete in time, even if bytes keep coming', async () => {
    const node = await stranger();
    const silent = await send(node, '');
    const half = await send(node, 'GET /hello HTTP/1.1\r\nHost: x\r\nX-A: ');
    for (let second = 1; second < HEADERS_MS_MAX / 1_000; second += 1) {
      await arrived();
      clock.advance(1_000);
      half.send(new TextEncoder().encode('a'));
    }
    assert.deepEqual([isOver(silent), isOver(half)], [false, false]);
    clock.advance(1_000);
    await until(() => isOver(silent) && isOver(half));
  });

  it('end when the body isn’t complete in time', async () => {
    const node = await stranger();
    const stream = await send(node, 'POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf');
    await arrived();
    clock.advance(BODY_MS_MAX - 1);
    await arrived();
    assert.equal(isOver(stream), false);
    clock.advance(1);
    await until(() => isOver(stream));
  });

  it('end between two requests, and in the middle of the second', async () => {
    const node = await stranger();
    const request = 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n';
    const [idle, second] = [await send(node, request), await send(node, request)];
    await arrived();
    second.send(new TextEncoder().encode('GET /he'));
    await arrived();
    clock.advance(HEADERS_MS_MAX);
    await until(() => isOver(second));
    assert.equal(isOver(idle), false);
    clock.advance(IDLE_MS_MAX - HEADERS_MS_MAX);
    await until(() => isOver(idle));
  });

  it('end after their last response, and count until then, although the peer leaves its side open', async () => {
    const node = await stranger();
    const streams: Stream[] = [];
    for (let count = 0; count < STREAMS_PER_PEER_MAX + 40; count += 1) {
      streams.push(
        await send(node, 'GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', count % 60 === 0),
      );
    }
    const open = () => streams.filter((stream) => !isOver(stream));
    const isAnswered = (stream: Stream) => stream.remoteWriteStatus === 'closed';
    await until(() => open().length === STREAMS_PER_PEER_MAX && open().every(isAnswered));
    clock.advance(END_MS_MAX);
    await until(() => open().length === 0);
  });

  it('are limited for one peer over all its connections, and a newcomer is served', async () => {
    const node = await stranger();
    const streams: Stream[] = [];
    for (let count = 0; count < STREAMS_PER_PEER_MAX + 40; count += 1) {
      streams.push(await send(node, 'GET /he', count % 60 === 0));
    }
    await until(() => streams.filter((stream) => !isOver(stream)).length <= STREAMS_PER_PEER_MAX);
    await assertServesNewcomer();
  });
});
