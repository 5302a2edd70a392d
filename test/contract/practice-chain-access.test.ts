/**
 * Verifies: no web page can use the practice chain, neither through its proxy nor through anvil's own port, and the
 * proxy passes only the methods that Idlewatt needs.
 * Setup: a real chain; requests as a browser sends them for a page of another site; a server on loopback that acts
 * for a device in the owner's network.
 * Fails if: a page can read from or write to the chain, or makes the chain open a connection.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { isPortBlockedInBrowsers } from '../../main/adapters/anvil/private-address.ts';
import { descendants } from '../agent/practice-agent.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const PAGE = { ...JSON_TYPE, origin: 'http://page.example' };
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-chain-access-'));
let chain: PracticeChain;

before(async () => {
  chain = await startPracticeChain({ folder });
});
after(async () => {
  await chain.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends any headers, as `fetch` doesn't. */
function send(headers: Record<string, string>, body: string, method = 'POST'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(chain.network.rpcUrl, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const call = (method: string, params: unknown[] = []) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

test('serves programs on this machine', async () => {
  const answer = await send(JSON_TYPE, call('eth_chainId'));
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.text).result, '0x7a69');
});

test('refuses every request of a web page', async () => {
  const body = call('eth_blockNumber');
  const attempts: [string, Record<string, string>, number][] = [
    ['a page of another site', PAGE, 403],
    ['a sandboxed page', { ...JSON_TYPE, origin: 'null' }, 403],
    ['a page on another port of loopback', { ...JSON_TYPE, origin: 'http://localhost:3000' }, 403],
    ['a name that resolves to loopback', { ...JSON_TYPE, host: 'rebound.example' }, 403],
    ['a request without Origin', { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }, 403],
    ['a form, which needs no permission', { 'content-type': 'text/plain' }, 415],
    ['no content type', {}, 415],
  ];
  for (const [who, headers, status] of attempts) {
    const answer = await send(headers, body);
    assert.equal(answer.status, status, who);
    assert.equal(answer.headers['access-control-allow-origin'], undefined, who);
    assert.doesNotMatch(answer.text, /result/, who);
  }
  const preflight = await send({ ...PAGE, 'access-control-request-method': 'POST' }, '', 'OPTIONS');
  assert.equal(preflight.status, 403);
});

test('passes no method that reaches other machines or that Idlewatt does not need', async () => {
  const router = createServer((_request, response) => response.end('{}'));
  let connections = 0;
  router.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => router.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(router.address() as AddressInfo).port}`;
  const before = JSON.parse((await send(JSON_TYPE, call('eth_chainId'))).text);
  const refused: [string, unknown[]][] = [
    ['anvil_reset', [{ forking: { jsonRpcUrl: url } }]],
    ['hardhat_reset', [{ forking: { jsonRpcUrl: url } }]],
    ['anvil_setRpcUrl', [url]],
    ['anvil_reset', []],
    ['anvil_setCode', [chain.network.token.address, '0x']],
    ['anvil_impersonateAccount', [chain.network.token.address]],
    ['evm_revert', ['0x1']],
    ['debug_traceTransaction', ['0x0']],
    ['anvil_dumpState', []],
  ];
  for (const [method, params] of refused) {
    const answer = await send(JSON_TYPE, call(method, params));
    assert.equal(JSON.parse(answer.text).error?.code, -32601, method);
    const batch = `[${call('eth_chainId')},${call(method, params)}]`;
    assert.doesNotMatch((await send(JSON_TYPE, batch)).text, /"result"/, `${method} in a batch`);
  }
  router.close();
  assert.equal(connections, 0);
  assert.deepEqual(JSON.parse((await send(JSON_TYPE, call('eth_chainId'))).text), before);
});

test('anvil listens where no browser connects', async () => {
  const [pid = 0] = descendants(process.pid, 'bin/anvil --host');
  const parameters = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const after = (name: string) => parameters[parameters.indexOf(name) + 1] ?? '';
  assert.ok(parameters.includes('--no-cors'));
  // Anvil serves WebSockets on the same port and checks no origin.
  const address = `${after('--host')}:${after('--port')}`;
  const socket = new WebSocket(`ws://${address}/`, { origin: 'http://page.example' });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.close();
  assert.ok(isPortBlockedInBrowsers(Number(after('--port'))), 'browsers refuse this port');
  // A second opinion: Node's fetch follows the same standard.
  await assert.rejects(fetch(`http://${address}/`), (error: Error) => /bad port/.test(String(error.cause)));
});
