/**
 * Verifies: every request to an outside address goes through the proxy of the environment, and none to this machine.
 * Setup: a proxy on loopback that answers itself; a process that makes requests as models, chain and facilitators do.
 * Fails if: a kind of request goes around the proxy, a loopback address is sent to it, or a password is quoted.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { useProxies } from '../../../main/adapters/http/index.ts';
import { isAppError } from '../../../shared/errors.ts';

const run = promisify(execFile);
const asked: string[] = [];
const direct: string[] = [];
let proxy: Server;
let local: Server;

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server, host: string) =>
  new Promise<void>((resolve) => server.listen(0, host, () => resolve()));

before(async () => {
  proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const id = /"id":(\d+)/.exec(body)?.[1] ?? '0';
      response.setHeader('content-type', 'application/json');
      response.end(`{"jsonrpc":"2.0","id":${id},"result":"0x1"}`);
    });
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
  });
  local = createServer((request, response) => {
    direct.push(request.headers.host ?? '');
    response.end('{}');
  });
  await listen(proxy, '127.0.0.1');
  await listen(local, '127.98.0.7');
});

after(() => {
  proxy.close();
  local.close();
});

const SCRIPT = `
import { useProxies } from './main/adapters/http/index.ts';
import { connectNode } from './main/adapters/ethers/index.ts';
import { practiceNetwork } from './main/adapters/anvil/index.ts';
import { describeConnectionFailure } from './shared/network-failure.ts';
useProxies(process.env);
const [outside, own] = process.argv.slice(1);
await fetch(outside + 'models/file').then((response) => response.text());
console.log(await fetch('https://hub.example/model').catch(describeConnectionFailure));
const node = connectNode({ ...practiceNetwork(outside + 'rpc'), chainId: 1 });
await node.send('eth_chainId', []);
const secure = connectNode({ ...practiceNetwork('https://node.example/rpc'), chainId: 1 });
console.log(await secure.send('eth_chainId', []).catch((error) => error.message));
await fetch(own).then((response) => response.text());
node.close();
secure.close();
`;

it('carries what goes outside, and nothing that stays on this machine', async () => {
  const environment = {
    ...process.env,
    HTTP_PROXY: `http://127.0.0.1:${portOf(proxy)}`,
    HTTPS_PROXY: `http://user:secret@127.0.0.1:${portOf(proxy)}`,
    NO_PROXY: 'intranet.example',
  };
  const urls = ['http://outside.example/', `http://127.98.0.7:${portOf(local)}/`];
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', ...urls], {
    env: environment,
    timeout: 30_000,
  });
  const lines = stdout.trim().split('\n');
  assert.match(lines[0] ?? '', /proxy/);
  assert.match(lines[1] ?? '', /The chain’s node is unreachable: the proxy/);
  assert.ok(asked.includes('http://outside.example/models/file'), asked.join());
  assert.ok(asked.includes('http://outside.example/rpc'), asked.join());
  assert.ok(asked.includes('CONNECT hub.example:443'), asked.join());
  assert.ok(asked.includes('CONNECT node.example:443'), asked.join());
  assert.equal(asked.filter((url) => url.includes('127.98')).length, 0);
  assert.equal(direct.length, 1);
});

it('are named without user and password, and refused without quoting them', () => {
  for (const HTTPS_PROXY of ['proxy.example:8080', 'socks5://user:secret@proxy.example', 'http://']) {
    assert.throws(
      () => useProxies({ HTTPS_PROXY }),
      (error) => isAppError(error, 'bad-request') && !error.message.includes('secret'),
    );
  }
  assert.deepEqual(useProxies({}), { http: null, https: null });
});
