/**
 * Verifies: the agent's process starts, refuses and stops as documented.
 * Setup: the real program on the command line: its page server, ports that are in use, wrong options, signals in the
 * middle of a job. (What it refuses to start on is in refusals.test.ts.)
 * Fails if: the agent leaves processes, large files or files that others may read behind, exits with another code than 0 on a signal, doesn't log why
 * it stopped, or opens its API without the token.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { readLog } from '../../main/adapters/pino/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { startAgent } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { VERSION } from '../../shared/version.ts';
import { API_SOCKET_PATH, CLOSE_TOKEN_REFUSED, socketProtocols } from '../../shared/wire.ts';
import { descendants, startPractice, temporaryHome } from './practice-agent.ts';

const STOP_MS_MAX = 5_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The close code that the page server gives a token; 1005 if it accepted it and the client closed. */
function closeCodeFor(url: string, token: string, origin: string): Promise<number | 'refused'> {
  const { host } = new URL(url);
  const socket = new WebSocket(`ws://${host}${API_SOCKET_PATH}`, socketProtocols(token), { origin });
  return new Promise((resolve) => {
    socket.once('error', () => resolve('refused'));
    socket.once('close', (code) => resolve(code));
    // The server closes a connection without a valid token; others are closed here.
    socket.once('open', () => setTimeout(() => socket.close(), 500));
  });
}

/** The response's status when the browser takes this server for another host (DNS rebinding). */
function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', reject)
      .end();
  });
}

test('pages need the token; SIGTERM in the middle of a job stops everything within five seconds', async (context) => {
  const home = temporaryHome();
  const practice = await startPractice(home.path, 'real');
  context.after(() => practice.agent.process.kill('SIGKILL'));
  const { page, pid } = practice.agent.ready;
  assert.ok(page);

  const { host } = new URL(page.url);
  assert.equal(await closeCodeFor(page.url, page.token, `http://${host}`), 1005);
  assert.equal(await closeCodeFor(page.url, 'f'.repeat(48), `http://${host}`), CLOSE_TOKEN_REFUSED);
  assert.equal(await closeCodeFor(page.url, page.token, 'http://evil.example'), 'refused');
  assert.equal(await statusFor(page.url, 'evil.example'), 403);
  for (const path of ['/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json']) {
    assert.equal((await fetch(new URL(path, page.url))).status, 404);
  }

  const answering = fetch(`${practice.gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${practice.gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: 'Tell a very long story.' }],
      max_tokens: 1_000,
      stream: true,
    }),
  });
  const reader = (await answering).body?.getReader();
  await reader?.read();
  const children = descendants(pid, '');
  assert.ok(children.length >= 3, 'engine, chain and requester run');
  const stopMs = performance.now();
  assert.equal(await practice.close(), 0);
  assert.ok(performance.now() - stopMs < STOP_MS_MAX);
  await reader?.cancel().catch(() => undefined);
  assert.deepEqual(children.filter(isAlive), []);
  home.remove();
});

test('SIGINT stops it as well', async () => {
  const home = temporaryHome();
  const agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
  const ended = new Promise((resolve) => agent.process.once('exit', resolve));
  agent.process.kill('SIGINT');
  assert.equal(await ended, 0);
  const lines = [...readLog(homePaths(home.path).logs)];
  const fieldsOf = (message: string) => lines.find((line) => line.message === message)?.fields;
  assert.equal(fieldsOf('Idlewatt is stopping')?.reason, 'signal SIGINT');
  const { served, failed, earned, uptimeMs } = fieldsOf('Idlewatt has stopped') ?? {};
  assert.deepEqual([served, failed], [0, 0]);
  assert.match(String(earned), /^0 base units \(0 practice USDC\)$/);
  assert.ok(Number(uptimeMs) > 0);
  home.remove();
});

/** Files and folders below a folder that other users of the machine may read or write; models are public. */
function openToOthers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    if (name.endsWith('.gguf')) return false;
    const stats = lstatSync(join(folder, name), { throwIfNoEntry: false });
    return stats !== undefined && !stats.isSymbolicLink() && (stats.mode & 0o077) !== 0;
  });
}

test('a killed agent leaves no process behind, and the next one takes over the data folder and cleans it up', async () => {
  const home = temporaryHome();
  const agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
  const children = descendants(agent.ready.pid, '');
  agent.process.kill('SIGKILL');
  const deadline = performance.now() + STOP_MS_MAX;
  while (children.some(isAlive) && performance.now() < deadline)
    await new Promise((wake) => setTimeout(wake, 50));
  assert.deepEqual(children.filter(isAlive), []);
  if (process.platform !== 'win32') assert.deepEqual(openToOthers(home.path), []);
  // An agent that is killed while it calibrates leaves this file.
  const calibration = join(home.path, 'calibration');
  mkdirSync(calibration);
  writeFileSync(join(calibration, 'synthetic.gguf'), 'GGUF');
  const next = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
  assert.equal(existsSync(calibration), false);
  assert.equal(await next.stop(), 0);
  const warnings = [...readLog(homePaths(home.path).logs)].filter(({ message }) =>
    /Other users/.test(message),
  );
  assert.deepEqual(warnings, [], 'no false alarm');
  home.remove();
});

/** Starts an agent with a port that another server uses; the lines that it wrote to standard error. */
async function refusedPort(option: '--port' | '--gateway-port'): Promise<string> {
  const home = temporaryHome();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const { status, stderr } = await runAgent('--headless', '--home', home.path, option, String(port));
    assert.equal(status, 1);
    return stderr.replaceAll(String(port), 'PORT');
  } finally {
    other.close();
    home.remove();
  }
}

/** Runs the agent to its end. The event loop stays free for servers of the test. */
function runAgent(...argv: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [AGENT_PROGRAM, ...argv]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, stdout, stderr })));
}

test('a port that is in use is refused in one line with the option to change', async () => {
  const line = (option: string) =>
    `idlewatt: Port PORT is in use by another program. Choose another port with ${option}.\n`;
  assert.equal(await refusedPort('--port'), line('--port'));
  // In the practice profile the gateway belongs to the second agent.
  assert.equal(await refusedPort('--gateway-port'), line('--gateway-port'));
});

test('a wrong command line is refused in one line with exit code 2', async () => {
  for (const [argv, message] of [
    [['--headless', '--colour', 'red'], 'Unknown option --colour. Run with --help for a list.'],
    [['--headless', '--home', ''], 'Empty value for --home. Use --home DIR.'],
    [['--headless', '--profile', 'casino'], 'Invalid --profile "casino". Use practice, office or open.'],
  ] as const) {
    assert.deepEqual(await runAgent(...argv), { status: 2, stdout: '', stderr: `idlewatt: ${message}\n` });
  }
});

test('--version prints the version, and --help the options and commands', async () => {
  assert.deepEqual(await runAgent('--version'), { status: 0, stdout: `${VERSION}\n`, stderr: '' });
  const { status, stdout } = await runAgent('--help');
  assert.equal(status, 0);
  for (const expected of ['--gateway-port N', 'IDLEWATT_MODEL_CACHE', 'ledger verify']) {
    assert.ok(stdout.includes(expected), expected);
  }
});
