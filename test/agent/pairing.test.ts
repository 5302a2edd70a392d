// Verifies: a code of the terminal gives a browser lasting access to the pages of an agent without a desktop, across a
//   restart and at the same address, until it is revoked; wrong requests get nothing; the steps of the start reach a
//   page that is already open.
// Setup: the real agent without a desktop, its real command line, and HTTP and WebSocket requests as a browser makes
//   them, with and without the cookie, the key, and the right origin.
// Fails if: one of the two secrets is enough; another origin or host can pair; a revoked page stays connected; a code or a
//   secret is in a log or in the file.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import WebSocket from 'ws';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { type RunningAgent, startAgent } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import type { Contract } from '../../shared/api/contract.ts';
import { firstState } from '../../shared/api/state-updates.ts';
import { type BrowserHalf, browserHalfSchema } from '../../shared/pairing.ts';
import { API_SOCKET_PATH, CLOSE_TOKEN_REFUSED, PAIR_PATH, pairProtocols } from '../../shared/wire.ts';
import { temporaryHome } from './practice-agent.ts';

/** Each test starts an agent or commands, which take half a minute each on a busy machine. */
const SLOW = { timeout: 240_000 };
const home = temporaryHome();
let agent: RunningAgent;
let half: BrowserHalf;
let cookie: string;

const start = () => startAgent(['--headless', '--home', home.path, '--quiet-requester']);
before(async () => {
  prepareMeasuredHome(home.path, TINY_MODEL_ID);
  agent = await start();
}, SLOW);
after(async () => {
  await agent.stop();
  home.remove();
}, SLOW);

const url = () => new URL(agent.ready.page?.url ?? '');
const command = async (...words: string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    AGENT_PROGRAM,
    ...words,
    '--home',
    home.path,
  ]);
  return stdout;
};

/** A browser's POST of a code. */
function post(code: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: string; cookie: string }>((resolve, reject) => {
    const sent = request(new URL(PAIR_PATH, url()), {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url().origin, ...headers },
    });
    sent.once('error', reject);
    sent.once('response', async (response) => {
      const body = (await response.toArray()).join('');
      resolve({ status: response.statusCode ?? 0, body, cookie: response.headers['set-cookie']?.[0] ?? '' });
    });
    sent.end(JSON.stringify({ code, name: 'Firefox, Linux' }));
  });
}

async function openCode(): Promise<string> {
  const code = /^Code: (\S+)$/m.exec(await command('pair'))?.[1];
  return code ?? assert.fail('the command printed no code');
}

/** Connects as a paired browser; resolves with the socket, or with the code with which it was closed. */
async function connect(parts: { half: BrowserHalf; cookie?: string }): Promise<WebSocket | number> {
  const socket = new WebSocket(`ws://${url().host}${API_SOCKET_PATH}`, pairProtocols(parts.half), {
    origin: url().origin,
    headers: parts.cookie === undefined ? {} : { cookie: parts.cookie },
  });
  await once(socket, 'open');
  const closed = once(socket, 'close').then(([code]) => Number(code));
  const link = new RPCLink({ websocket: socket as unknown as globalThis.WebSocket });
  const api: ContractRouterClient<Contract> = createORPCClient(link);
  // A call on a socket that is closed meanwhile fails; the code tells why.
  const state = api.state.watch(undefined).then(firstState);
  const first = await Promise.race([closed, state.catch(() => closed)]);
  return typeof first === 'number' ? first : socket;
}

test('a code pairs a browser with a cookie that scripts and other sites don’t get', SLOW, async () => {
  const code = await openCode();
  const { status, body, cookie: set } = await post(code);
  assert.equal(status, 200);
  half = browserHalfSchema.parse(JSON.parse(body));
  assert.match(
    set,
    new RegExp(
      `^idlewatt-pair-${half.id}=[0-9a-f]{64}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict$`,
    ),
  );
  cookie = set.split(';')[0] ?? '';
  assert.equal((await post(code)).status, 403);
  const socket = await connect({ half, cookie });
  assert.ok(typeof socket !== 'number');
  socket.close();
});

test('neither of the two secrets is enough', SLOW, async () => {
  assert.equal(await connect({ half }), CLOSE_TOKEN_REFUSED);
  const other = { ...half, key: '0'.repeat(64) };
  assert.equal(await connect({ half: other, cookie }), CLOSE_TOKEN_REFUSED);
});

test('another origin, host or content type can’t pair, and doesn’t use up the code', SLOW, async () => {
  const code = await openCode();
  for (const headers of [
    { origin: 'https://example.com' },
    { origin: 'http://127.0.0.1:9' },
    { host: 'rebound.example', origin: 'http://rebound.example' },
    { 'content-type': 'text/plain' },
  ] as Record<string, string>[]) {
    assert.equal((await post(code, headers)).status, 403, JSON.stringify(headers));
  }
  const { status, body } = await post(code);
  assert.equal(status, 200);
  await command('pair', 'revoke', browserHalfSchema.parse(JSON.parse(body)).id);
});

test(
  'after a restart the address and the access are the same, and an open page sees the steps of the start',
  SLOW,
  async () => {
    const before = url().href;
    await agent.stop();
    const starting = start();
    const steps: string[] = [];
    const deadlineMs = performance.now() + 30_000;
    while (steps.length === 0 && performance.now() < deadlineMs) {
      steps.push(...(await stepsOfStart(before).catch(() => [])));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    agent = await starting;
    assert.equal(url().href, before);
    assert.ok(steps.includes('wallet'), steps.join());
    assert.equal(steps.at(-1), 'serving');
    const socket = await connect({ half, cookie });
    assert.ok(typeof socket !== 'number');
    socket.close();
  },
);

/** Steps that a page that is open gets from an agent that starts. */
async function stepsOfStart(address: string): Promise<string[]> {
  const { host, origin } = new URL(address);
  const socket = new WebSocket(`ws://${host}${API_SOCKET_PATH}`, pairProtocols(half), {
    origin,
    headers: { cookie },
  });
  try {
    await once(socket, 'open');
    const link = new RPCLink({ websocket: socket as unknown as globalThis.WebSocket });
    const api: ContractRouterClient<Contract> = createORPCClient(link);
    const steps: string[] = [];
    for await (const startup of await api.startup.watch(undefined)) {
      steps.push(startup.phase === 'starting' ? startup.step : startup.phase);
    }
    return steps;
  } finally {
    socket.close();
  }
}

test('the terminal lists the browser and revokes it, which closes its page', SLOW, async () => {
  assert.match(await command('pair', 'list'), new RegExp(`^${half.id}  Firefox, Linux, paired on `));
  const socket = await connect({ half, cookie });
  assert.ok(typeof socket !== 'number');
  const closed = once(socket, 'close');
  await command('pair', 'revoke', half.id);
  assert.equal((await closed)[0], CLOSE_TOKEN_REFUSED);
  assert.equal(await connect({ half, cookie }), CLOSE_TOKEN_REFUSED);
  assert.equal(await command('pair', 'list'), 'No browser is paired.\n');
});

test('the secrets are in no file', SLOW, async () => {
  assert.equal(statSync(join(home.path, 'paired-browsers.json')).mode & 0o777, 0o600);
  const files = [
    ...readdirSync(join(home.path, 'logs')).map((name) => join('logs', name)),
    'paired-browsers.json',
  ];
  for (const name of files) {
    const text = readFileSync(join(home.path, name), 'utf8');
    for (const secret of [half.key, cookie.split('=')[1] ?? '']) assert.ok(!text.includes(secret), name);
  }
});
