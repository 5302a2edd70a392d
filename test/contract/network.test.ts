/**
 * Verifies: every implementation of the Network port connects peers by HTTP and identifies the requester.
 * Setup: one suite on the fake in memory and on real libp2p over loopback. The tests of a suite share two networks and
 * run in order.
 * Fails if: a stream arrives only at its end, a body that broke off never ends, a request continues after its requester
 * disconnected, a peer can claim another identity.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Hono } from 'hono';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import { createNetwork, verifySigned } from '../../main/adapters/libp2p/index.ts';
import { eventStream } from '../../main/core/sse/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Network } from '../../main/ports/network.ts';
import { isAppError } from '../../shared/errors.ts';
import { createFakeHub } from '../fakes/network.ts';

const hub = createFakeHub();
const folders: string[] = [];

const subjects: { name: string; create: () => Promise<Network> }[] = [
  { name: 'fake', create: () => hub.createNetwork() },
  {
    name: 'libp2p',
    create: () => {
      const folder = mkdtempSync(join(tmpdir(), 'idlewatt-network-'));
      folders.push(folder);
      return createNetwork({ folder, clock: systemClock, mdns: false });
    },
  },
];

interface Pair {
  server: Network;
  client: Network;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const isUnreachable = (error: unknown) => isAppError(error, 'peer-unreachable');
const who = (client: Network, server: Network, init: RequestInit = {}) =>
  client.fetch(server.key.peer, '/who', init);

/** A service with an endless stream; `streamEnded` resolves when that stream is canceled. */
function createService() {
  const app = new Hono();
  const { promise: streamEnded, resolve } = Promise.withResolvers<void>();
  let pulled = 0;
  let cancels = 0;
  app.get('/who', (context) => {
    const { 'x-peer-id': peer, 'x-peer-subnet': subnet } = context.req.header();
    return context.json({ peer: peer ?? null, subnet: subnet ?? null });
  });
  app.post('/length', async (context) =>
    context.json({ length: (await context.req.arrayBuffer()).byteLength }),
  );
  app.get('/forever', () => {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await turn();
        pulled += 1;
        controller.enqueue(new TextEncoder().encode(`data: ${pulled}\n\n`));
      },
      cancel() {
        cancels += 1;
        resolve();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  app.get('/broken', () => {
    const source = (async function* () {
      yield 'data: 1\n\n';
      yield 'data: 2\n\n';
      await turn();
      throw new Error('the answer failed');
    })();
    const body = eventStream(source, { clock: systemClock, stallMs: 10_000, onGone: () => undefined });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  return { app, streamEnded, cancels: () => cancels };
}

for (const { name, create } of subjects) {
  describe(`network: ${name}`, () => {
    const service = createService();
    const pair = {} as Pair;
    before(async () => {
      pair.server = await create();
      pair.client = await create();
      pair.server.serve(createHttpServer(service.app));
      await pair.server.start();
      await pair.client.start();
    });
    after(async () => {
      await pair.client.stop();
      await pair.server.stop();
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    });

    testConnecting(pair);
    testIdentity(pair);
    testRequests(pair, service);
    testDisconnecting(pair);
  });
}

function testConnecting(pair: Pair): void {
  it('rejects a request to an unknown peer', async () => {
    await assert.rejects(who(pair.client, pair.server), isUnreachable);
  });

  it('connects by address, notifies its listeners, and lists the peer at both ends', async () => {
    const { client, server } = pair;
    const seen: string[][] = [];
    const stop = client.onPeers((peers) => seen.push(peers.filter((p) => p.connected).map((p) => p.peer)));
    const address = server.addresses()[0] ?? '';
    assert.ok(address.includes(server.key.peer));
    assert.equal(await client.connect(address), server.key.peer);
    stop();
    assert.deepEqual(seen.at(-1), [server.key.peer]);
    const [listed] = client.peers();
    assert.deepEqual([listed?.connected, listed?.source], [true, 'address']);
    while (server.peers().length === 0) await turn();
    assert.equal(server.peers()[0]?.peer, client.key.peer);
  });

  it('rejects an invalid address', async () => {
    await assert.rejects(pair.client.connect('nonsense'), (error) => isAppError(error, 'bad-request'));
  });
}

function testIdentity(pair: Pair): void {
  it('identifies the requester by the connection, even if the request claims another identity', async () => {
    const { client, server } = pair;
    const headers = { 'X-Peer-Id': 'another', 'X-Peer-Subnet': '10.0.0' };
    const response = await who(client, server, { headers });
    assert.deepEqual(await response.json(), { peer: client.key.peer, subnet: '127.0.0' });
  });

  it('signs so that any peer can verify the signer', async () => {
    const { client, server } = pair;
    const jws = await server.key.sign({ hello: 1 });
    assert.deepEqual(await verifySigned(jws, server.key.peer), { hello: 1 });
    await assert.rejects(verifySigned(jws, client.key.peer), (error) => isAppError(error, 'bad-request'));
    const [head, , signature] = jws.split('.');
    const other = Buffer.from('{"hello":2}').toString('base64url');
    await assert.rejects(verifySigned(`${head}.${other}.${signature}`, server.key.peer));
  });
}

function testRequests(pair: Pair, service: ReturnType<typeof createService>): void {
  it('transfers a large body and counts the bytes', async () => {
    const { client, server } = pair;
    const before = client.traffic();
    const body = 'x'.repeat(3_000_000);
    const response = await client.fetch(server.key.peer, '/length', { method: 'POST', body });
    assert.deepEqual(await response.json(), { length: body.length });
    assert.ok(client.traffic().outBytes - before.outBytes >= body.length);
    assert.ok(client.traffic().inBytes > before.inBytes);
  });

  it('rejects a body that breaks off right after the headers', { timeout: 10_000 }, async () => {
    const { client, server } = pair;
    const response = await client.fetch(server.key.peer, '/broken', {});
    assert.equal(response.status, 200);
    await assert.rejects(response.text());
  });

  it('answers many concurrent requests', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => (await who(pair.client, pair.server)).json()),
    );
    assert.equal(answers.length, 100);
  });

  it('streams without delay, and an abort ends the stream at its source', async () => {
    const abort = new AbortController();
    const response = await pair.client.fetch(pair.server.key.peer, '/forever', { signal: abort.signal });
    const reader = (response.body ?? assert.fail('no body')).getReader();
    const first = await reader.read();
    assert.ok(new TextDecoder().decode(first.value).startsWith('data: 1'));
    abort.abort();
    await service.streamEnded;
    assert.equal(service.cancels(), 1);
  });

  it('fails with `aborted` if the signal was aborted before', async () => {
    const promise = who(pair.client, pair.server, { signal: AbortSignal.abort() });
    await assert.rejects(promise, (error) => isAppError(error, 'aborted'));
  });
}

function testDisconnecting(pair: Pair): void {
  it('detects that a peer stopped', async () => {
    const { client, server } = pair;
    await server.stop();
    while (client.peers().some((peer) => peer.connected)) await turn();
    await assert.rejects(who(client, server), isUnreachable);
  });
}
