/**
 * Goal: a web handler becomes a server that says plainly when its port is taken. Method: real sockets on
 * loopback. What would break: a start that fails without a reason, streams that outlive their reader.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Hono } from 'hono';
import { closeHttp, createHttpServer, listenHttp } from '../../../main/adapters/http/index.ts';
import { isAppError } from '../../../shared/errors.ts';

const host = '127.0.0.1';

describe('HTTP server', () => {
  it('answers on a free port and refuses a taken one by its number', async () => {
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
    assert.equal(await listenHttp(second, { host, port }), port, 'it is free again');
    await closeHttp(second);
  });

  it('closes while an answer streams, and when it never listened', async () => {
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
