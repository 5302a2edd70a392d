/**
 * Verifies: a client that closes its side of a stream after the request, as go-libp2p's does, gets the whole answer.
 * Setup: real nodes on loopback; the client writes bytes by hand, the answer takes longer than the close.
 * Fails if: a request is lost with the close, an answer is cut off, or the stream stays open after it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { Hono } from 'hono';
import { createHttpServer } from '../../../main/adapters/http/index.ts';
import { createNetwork } from '../../../main/adapters/libp2p/index.ts';
import { createNode } from '../../../main/adapters/libp2p/node.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { Network } from '../../../main/ports/network.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-half-closed-'));
const HTTP_PROTOCOL = '/http/1.1';
const NEGOTIATION = '/multistream/1.0.0';
/** More than a window of the muxer. */
const LONG = 'x'.repeat(600_000);
let network: Network;
let node: Libp2p;

before(async () => {
  network = await createNetwork({ folder, clock: systemClock, mdns: false });
  const app = new Hono();
  app.post('/echo', async (context) => {
    const text = await context.req.text();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return context.text(text);
  });
  app.get('/long', (context) => context.text(LONG));
  network.serve(createHttpServer(app));
  await network.start();
  node = await createNode({
    privateKey: await generateKeyPair('Ed25519'),
    listen: [],
    mdnsServiceTag: null,
    onFound: () => undefined,
    connectionGater: {},
  });
  await node.start();
});

after(async () => {
  await node.stop();
  await network.stop();
  rmSync(folder, { recursive: true });
});

async function openStream(): Promise<Stream> {
  const connection = await node.dial(multiaddr(network.addresses()[0] ?? ''));
  return connection.newStream(HTTP_PROTOCOL);
}

/** Opens a stream whose protocol is not negotiated yet: go-libp2p sends its choice together with the request. */
async function openBareStream(): Promise<Stream> {
  const connection = await node.dial(multiaddr(network.addresses()[0] ?? ''));
  const { muxer } = connection as unknown as { muxer: { createStream(options: object): Promise<Stream> } };
  return muxer.createStream({});
}

/** Sends a request, closes this side of the stream, and returns everything that comes back until the other side closes. */
async function exchange(stream: Stream, request: string): Promise<string> {
  const parts: Uint8Array[] = [];
  stream.send(new TextEncoder().encode(request));
  await stream.close();
  for await (const part of stream) parts.push(part.subarray());
  return Buffer.concat(parts).toString();
}

/** A message of multistream-select: its length, the text and a line feed. */
const selecting = (text: string) => `${String.fromCharCode(text.length + 1)}${text}\n`;

const ECHO = 'POST /echo HTTP/1.1\r\nHost: \r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello';

describe('a client that half-closes its stream', () => {
  it('gets the answer to a request with a body and an empty host', async () => {
    const answer = await exchange(await openStream(), ECHO);
    // An interim response would be taken for the answer.
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.ok(answer.endsWith('\r\n\r\nhello'), answer);
  });

  it('gets an answer that is larger than the window', async () => {
    const answer = await exchange(
      await openStream(),
      'GET /long HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.ok(answer.endsWith(LONG), String(answer.length));
  });

  it('gets the answer although it closes before the protocol is negotiated', async () => {
    const chosen = selecting(NEGOTIATION) + selecting(HTTP_PROTOCOL);
    const answer = await exchange(await openBareStream(), chosen + ECHO);
    assert.ok(answer.startsWith(`${chosen}HTTP/1.1 200`), answer);
    assert.ok(answer.endsWith('\r\n\r\nhello'), answer);
  });
});
