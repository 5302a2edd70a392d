/**
 * Verifies: `npm run dev` connects its pages to the agent and no other client.
 * Setup: the real dev server in front of a WebSocket server that plays the agent and records each request.
 * Fails if: another origin or another token reaches the agent as a trusted page, or the policy allows inline code.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { type DevPages, startDevPages } from '../../../scripts/lib/dev-pages.ts';
import { API_SOCKET_PATH, socketProtocols, TOKEN_FRAGMENT } from '../../../shared/wire.ts';

const AGENT_TOKEN = 'a'.repeat(48);

const http = createServer();
const agent = new WebSocketServer({ server: http, handleProtocols: () => 'idlewatt' });
const requests: IncomingMessage[] = [];
let agentUrl: string | null = null;
let pages: DevPages;
let origin = '';
let token = '';

before(async () => {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  agent.on('connection', (socket, request) => {
    requests.push(request);
    socket.on('message', (data) => socket.send(data));
  });
  pages = await startDevPages({
    port: 0,
    upstream: () => (agentUrl === null ? null : { url: agentUrl, token: AGENT_TOKEN }),
  });
  const address = new URL(pages.url);
  origin = address.origin;
  token = address.hash.slice(TOKEN_FRAGMENT.length);
});
beforeEach(() => {
  requests.length = 0;
  agentUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
});
after(async () => {
  for (const socket of agent.clients) socket.terminate();
  await pages.close();
  http.close();
});

/** Resolves to the first answer to a message, or to the status of a refused handshake. */
async function talk(options: { token?: string; origin?: string }): Promise<string> {
  const url = origin.replace('http', 'ws') + API_SOCKET_PATH;
  const protocols = socketProtocols(options.token ?? token);
  const socket = new WebSocket(url, protocols, { origin: options.origin ?? origin });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on('unexpected-response', (_request, response) => resolve(`status ${response.statusCode}`));
  socket.on('error', () => {});
  socket.on('open', () => socket.send('hello'));
  socket.on('message', (data) => resolve(String(data)));
  return promise.finally(() => socket.terminate());
}

function protocolsSeen(): string | undefined {
  return requests[0]?.headers['sec-websocket-protocol'];
}

test('replaces its own token, origin and host with the agent’s', async () => {
  assert.equal(await talk({}), 'hello');
  assert.match(protocolsSeen() ?? '', new RegExp(`^idlewatt, ?token\\.${AGENT_TOKEN}$`));
  assert.equal(`${requests[0]?.headers.origin}/`, agentUrl);
  assert.equal(`http://${requests[0]?.headers.host}/`, agentUrl);
});

test('passes a wrong token on unchanged', async () => {
  await talk({ token: 'b'.repeat(48) });
  assert.match(protocolsSeen() ?? '', /^idlewatt, ?token\.b{48}$/);
});

test('rejects another origin even with the right token', async () => {
  assert.equal(await talk({ origin: 'http://example.org' }), 'status 403');
  assert.equal(requests.length, 0);
});

test('answers 503 while no agent is ready', async () => {
  agentUrl = null;
  assert.equal(await talk({}), 'status 503');
});

test('allows inline code only with a nonce', async () => {
  const html = await (await fetch(`${origin}/`)).text();
  const policy = /content="(default-src [^"]*)"/.exec(html)?.[1] ?? '';
  const nonce = /'nonce-(\w{32})'/.exec(policy)?.[1];
  assert.notEqual(nonce, undefined);
  assert.doesNotMatch(policy, /unsafe|\*(?!( |;))/);
  assert.match(policy, new RegExp(`script-src 'self' 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'`));
  const scripts = html.match(/<script[^>]*>/g) ?? [];
  assert.ok(scripts.length > 0);
  for (const script of scripts) assert.ok(script.includes(`nonce="${nonce}"`), script);
});
