/**
 * Verifies: requests in every form that HTTP clients send them reach the service whole, and its answer reaches them.
 * Setup: real sockets on loopback, written to byte by byte.
 * Fails if: a chunked body is an error, a client that half-closes gets nothing, a stream outlives such a client.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Hono } from 'hono';
import { closeHttp, createHttpServer, listenHttp } from '../../../main/adapters/http/index.ts';
import { readJsonBody } from '../../../main/core/openai-http/index.ts';

const host = '127.0.0.1';
const BODY = '{"a":"bcd"}';
const HEAD = `POST /json HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n${BODY.slice(0, 5)}\r\n6\r\n${BODY.slice(5)}\r\n0\r\n\r\n`;
const WHOLE = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

let port: number;
let gone: Promise<void>;
const app = new Hono();
app.post('/json', async (context) => {
  const body = await readJsonBody(context);
  // The answer takes its time, like a prompt that is processed.
  await new Promise((resolve) => setTimeout(resolve, 50));
  return context.json({ body });
});
app.get('/endless', (context) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  gone = promise;
  context.req.raw.signal.addEventListener('abort', () => resolve());
  return new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(9)) }));
});
const silent = Promise.withResolvers<void>();
app.get('/silent', (context) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  gone = promise;
  context.req.raw.signal.addEventListener('abort', () => resolve());
  silent.resolve();
  return promise.then(() => context.text('too late'));
});
app.delete('/json', (context) => context.json({ deleted: true }));
const server = createHttpServer(app);

before(async () => {
  port = await listenHttp(server, { host, port: 0 });
});
after(() => closeHttp(server));

/** Sends bytes and returns everything that comes back until the server closes. */
function exchange(bytes: string, halfClose: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, allowHalfOpen: true });
    let received = '';
    socket.on('data', (data) => {
      received += data.toString();
    });
    socket.on('error', reject);
    socket.on('end', () => {
      socket.end();
      resolve(received);
    });
    if (halfClose) socket.end(bytes);
    else socket.write(bytes.replace('HTTP/1.1\r\n', 'HTTP/1.1\r\nConnection: close\r\n'));
  });
}

describe('HTTP server and its clients', () => {
  for (const [title, bytes] of Object.entries({ chunked: CHUNKED, whole: WHOLE })) {
    it(`reads a ${title} body`, async () => {
      const answer = await exchange(bytes, false);
      assert.match(answer, /^HTTP\/1\.1 200/);
      assert.ok(answer.includes(`{"body":${BODY}}`), answer);
    });

    it(`answers a client that half-closes after a ${title} body`, async () => {
      const answer = await exchange(bytes, true);
      assert.match(answer, /^(HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200/);
      assert.ok(answer.includes(`{"body":${BODY}}`), answer);
    });
  }

  it('answers a DELETE', async () => {
    assert.match(await exchange(`DELETE /json HTTP/1.1\r\nHost: ${host}\r\n\r\n`, false), /"deleted":true/);
  });

  it('ends a stream when its client has closed altogether', async () => {
    const socket = connect({ port, host });
    socket.write(`GET /endless HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await gone;
  });

  it('stops work for a client that leaves before the answer begins', async () => {
    const socket = connect({ port, host });
    socket.write(`GET /silent HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await silent.promise;
    // Without unread data this looks like a half-close.
    socket.destroy();
    await gone;
  });

  it('ends a half-closed connection that sends no whole request', async () => {
    assert.match(await exchange(HEAD, true), /^$|^HTTP\/1\.1 400/);
  });
});
