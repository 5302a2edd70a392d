/**
 * Verifies: a web handler becomes a server, which fails with a clear reason if its port is taken.
 * Setup: real sockets on loopback.
 * Fails if: a start fails without a reason, a stream outlives its reader.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Hono } from 'hono';
import { closeHttp, createHttpServer, listenHttp } from '../../../main/adapters/http/index.ts';
import { isAppError } from '../../../shared/errors.ts';

const host = '127.0.0.1';

describe('HTTP server', () => {
  it('answers on a free port and rejects a taken one by its number', async () => {
    const app = new Hono();
    app.get('/', (context) => context.text('here'));
    const first = createHttpServer(app);
    const port = await listenHttp(first, { host, port: 0 });
    assert.equal(await (await fetch(`http://${host}:${port}/`)).text(), 'here');
    const second = createHttpServer(app);
    await assert.rejects(
      listenHttp(second, { host, port }),
      (error) => isAppError(error, 'port-in-use') && error.details.port === port,
    );
    await closeHttp(first);
    assert.equal(await listenHttp(second, { host, port }), port, 'the port is free again');
    await closeHttp(second);
  });

  it('closes while a response streams, and if it never listened', async () => {
    const app = new Hono();
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    app.get(
      '/',
      () =>
        new Response(
          new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(9)), cancel: () => resolve() }),
        ),
    );
    const server = createHttpServer(app);
    const port = await listenHttp(server, { host, port: 0 });
    const response = await fetch(`http://${host}:${port}/`);
    const reader = response.body?.getReader();
    await reader?.read();
    await closeHttp(server);
    await cancelled;
    await closeHttp(createHttpServer(app));
  });
});
