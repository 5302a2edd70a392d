/**
 * Goal: whatever is behind the Network port, peers reach each other by HTTP and know who asks. Method: one
 * suite on the fake in memory and on real libp2p over loopback. What would break: streams that wait for
 * their end, requests that go on after their requester left, peers that name themselves as somebody else.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Hono } from 'hono';
import { createHttpServer } from '../../main/adapters/http/index.ts';
import { createNetwork, verifySigned } from '../../main/adapters/libp2p/index.ts';
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

for (const { name, create } of subjects) {
  describe(`network: ${name}`, () => {
    let server: Network;
    let client: Network;
    const app = new Hono();
    let streamsEnded = 0;
    let pulled = 0;
    const { promise: ended, resolve: streamEnded } = Promise.withResolvers<void>();

    app.get('/who', (context) => context.json({ peer: context.req.header('x-peer-id') ?? null }));
    app.post('/length', async (context) =>
      context.json({ length: (await context.req.arrayBuffer()).byteLength }),
    );
    app.get('/forever', () => {
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(resolve));
          pulled += 1;
          controller.enqueue(new TextEncoder().encode(`data: ${pulled}\n\n`));
        },
        cancel() {
          streamsEnded += 1;
          streamEnded();
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    });

    before(async () => {
      server = await create();
      client = await create();
      server.serve(createHttpServer(app));
      await server.start();
      await client.start();
    });
    after(async () => {
      await client.stop();
      await server.stop();
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    });

    it('refuses to reach a peer that it does not know', async () => {
      await assert.rejects(client.fetch(server.key.peer, '/who', {}), (error) =>
        isAppError(error, 'peer-unreachable'),
      );
    });

    it('connects by address, tells its listeners, and lists the peer at both ends', async () => {
      const seen: string[][] = [];
      const stop = client.onPeers((peers) => seen.push(peers.filter((p) => p.connected).map((p) => p.peer)));
      const address = server.addresses()[0] ?? '';
      assert.ok(address.includes(server.key.peer));
      assert.equal(await client.connect(address), server.key.peer);
      stop();
      assert.deepEqual(seen.at(-1), [server.key.peer]);
      const [listed] = client.peers();
      assert.deepEqual([listed?.connected, listed?.source], [true, 'address']);
      while (server.peers().length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(server.peers()[0]?.peer, client.key.peer);
    });

    it('fails on nonsense instead of an address', async () => {
      await assert.rejects(client.connect('nonsense'), (error) => isAppError(error, 'bad-request'));
    });

    it('names the requester from the connection, whatever the request says', async () => {
      const response = await client.fetch(server.key.peer, '/who', { headers: { 'X-Peer-Id': 'somebody' } });
      assert.deepEqual(await response.json(), { peer: client.key.peer });
    });

    it('carries a body, also a large one, and counts the bytes', async () => {
      const before = client.traffic();
      const body = 'x'.repeat(3_000_000);
      const response = await client.fetch(server.key.peer, '/length', { method: 'POST', body });
      assert.deepEqual(await response.json(), { length: body.length });
      assert.ok(client.traffic().outBytes - before.outBytes >= body.length);
      assert.ok(client.traffic().inBytes > before.inBytes);
    });

    it('answers many requests side by side', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, async () => (await client.fetch(server.key.peer, '/who', {})).json()),
      );
      assert.equal(answers.length, 100);
    });

    it('streams as it comes, and an abort ends the stream at its source', async () => {
      const abort = new AbortController();
      const response = await client.fetch(server.key.peer, '/forever', { signal: abort.signal });
      const reader = (response.body ?? assert.fail('no body')).getReader();
      const first = await reader.read();
      assert.ok(new TextDecoder().decode(first.value).startsWith('data: 1'));
      abort.abort();
      await ended;
      assert.equal(streamsEnded, 1);
    });

    it('fails with `aborted` when the caller gave up before', async () => {
      const promise = client.fetch(server.key.peer, '/who', { signal: AbortSignal.abort() });
      await assert.rejects(promise, (error) => isAppError(error, 'aborted'));
    });

    it('signs so that everybody can check who it was', async () => {
      const jws = await server.key.sign({ hello: 1 });
      assert.deepEqual(await verifySigned(jws, server.key.peer), { hello: 1 });
      await assert.rejects(verifySigned(jws, client.key.peer), (error) => isAppError(error, 'bad-request'));
      const [head, , signature] = jws.split('.');
      const other = Buffer.from('{"hello":2}').toString('base64url');
      await assert.rejects(verifySigned(`${head}.${other}.${signature}`, server.key.peer));
    });

    it('notices that a peer went', async () => {
      await server.stop();
      while (client.peers().some((peer) => peer.connected)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await assert.rejects(client.fetch(server.key.peer, '/who', {}), (error) =>
        isAppError(error, 'peer-unreachable'),
      );
    });
  });
}
