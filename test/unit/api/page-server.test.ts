/**
 * Verifies: every response of the page server has a strict content security policy, deeply nested messages never reach
 * the API, and a connection that breaks off ends nothing but itself.
 * Setup: a real server on a folder with one page; a WebSocket of a page with the right token.
 * Fails if: a response lacks the policy or one of its rules, a handler sees a deep message, or a web page that leaves in
 * the middle of a handshake ends the process, or one that stays keeps it from ending.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { type PageServer, startPageServer } from '../../../main/api/page-server.ts';
import { API_SOCKET_PATH, PAIR_PATH, socketProtocols } from '../../../shared/wire.ts';

const TOKEN = 'a'.repeat(48);
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-pages-'));
const messages: string[] = [];
let server: PageServer;

const NO_PAIRING: Parameters<typeof startPageServer>[0]['pairing'] = {
  pair: () => ({ problem: 'no-code' }),
  check: () => false,
  onRevoked: () => () => undefined,
};

before(async () => {
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  server = await startPageServer({
    port: 0,
    token: TOKEN,
    terminalToken: 'b'.repeat(48),
    pairing: NO_PAIRING,
    folder,
    onConnection: (socket) =>
      socket.addEventListener('message', ({ data }) => {
        messages.push(String(data));
        socket.send('read');
      }),
  });
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function policyOf(path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  return new Promise<[number, string]>((resolve, reject) => {
    const sent = request(new URL(path, server.url), options, (response) => {
      response.resume();
      resolve([response.statusCode ?? 0, String(response.headers['content-security-policy'] ?? '')]);
    });
    sent.once('error', reject);
    sent.end();
  });
}

test('every response has the policy, also a refusal', async () => {
  const { host } = new URL(server.url);
  const [status, policy] = await policyOf('/');
  assert.equal(status, 200);
  for (const rule of [
    "default-src 'none'",
    "webrtc 'block'",
    "frame-ancestors 'none'",
    "script-src 'self'",
  ]) {
    assert.ok(policy.split('; ').includes(rule), rule);
  }
  assert.ok(policy.includes(`connect-src 'self' ws://${host};`), policy);
  assert.deepEqual(await policyOf('/missing.js'), [404, policy]);
  assert.deepEqual(await policyOf('/', { method: 'POST' }), [405, policy]);
  const [refused, rebound] = await policyOf('/', { headers: { host: 'rebound.example' } });
  assert.equal(refused, 403);
  assert.ok(rebound.includes("connect-src 'none'") && !rebound.includes('rebound'), rebound);
});

async function connect(): Promise<WebSocket> {
  const { host, origin } = new URL(server.url);
  const socket = new WebSocket(`ws://${host}${API_SOCKET_PATH}`, socketProtocols(TOKEN), { origin });
  await once(socket, 'open');
  return socket;
}

test('a deeply nested message closes the connection before a handler sees it, as text or bytes', async () => {
  const deep = `{"i":"1","p":${'['.repeat(100_000)}`;
  for (const message of [deep, Buffer.from(deep)]) {
    const socket = await connect();
    socket.send('{"a":[1]}');
    assert.equal(String((await once(socket, 'message'))[0]), 'read');
    socket.send(message);
    const [code] = await once(socket, 'close');
    assert.equal(code, 1008);
  }
  assert.deepEqual(messages, ['{"a":[1]}', '{"a":[1]}']);
});

/** Sends the head of a WebSocket, then more, and resets the connection after a moment. */
function breakOff(path: string, origin: string, more: string, afterMs: number): Promise<void> {
  const { host, hostname, port } = new URL(server.url);
  const head = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Origin: ${origin}`,
    ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  return new Promise((resolve) => {
    const socket = connectTcp(Number(port), hostname, () => {
      socket.write(`${head.join('\r\n')}\r\n\r\n${more}`, () =>
        setTimeout(() => socket.resetAndDestroy(), afterMs),
      );
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
  });
}

test('a client that keeps a refused connection open does not keep the server from ending', async () => {
  const other = await startPageServer({
    ...{ port: 0, token: TOKEN, terminalToken: TOKEN, folder, pairing: NO_PAIRING },
    onConnection: () => undefined,
  });
  const { host, hostname, port } = new URL(other.url);
  const socket = connectTcp({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.write(
    `GET /elsewhere HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  socket.resume();
  await once(socket, 'end');
  await other.close();
  socket.destroy();
});

test('a handshake that is refused, invalid or broken off leaves the process alone', async () => {
  const { origin } = new URL(server.url);
  const thrown: string[] = [];
  const note = (error: Error) => thrown.push(error.message);
  // The test runner only reports them, and the agent ends.
  process.on('uncaughtException', note);
  // A frame that no client may send.
  const invalid = String.fromCharCode(0x7f).repeat(8);
  for (let attempt = 0; attempt < 60; attempt += 1) {
    await breakOff('/elsewhere', 'http://page.example', 'more', attempt % 3);
    await breakOff(API_SOCKET_PATH, 'http://page.example', 'more', attempt % 3);
    await breakOff(API_SOCKET_PATH, origin, invalid, attempt % 3);
  }
  const socket = await connect();
  socket.close();
  await once(socket, 'close');
  process.off('uncaughtException', note);
  assert.deepEqual(thrown, []);
});

test('a request for pairing that no browser sends is refused, and leaves the process alone', async () => {
  const { host, origin } = new URL(server.url);
  const post = (body: string) =>
    fetch(new URL(PAIR_PATH, server.url), {
      method: 'POST',
      headers: { origin, host, 'content-type': 'application/json' },
      body,
    });
  for (const body of ['', '[', 'null', '{"code":{"length":{"toString":null}},"name":"x"}']) {
    const response = await post(body);
    assert.deepEqual([response.status, await response.json()], [400, { problem: 'wrong-code' }], body);
  }
});
