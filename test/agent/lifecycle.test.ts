/**
 * Goal: the agent's process starts, refuses and ends as its users were promised.
 * Method: the real program on the command line: the pages' door, a taken port, wrong options, signals in the
 * middle of a job. (What it refuses to start on is in refusals.test.ts.)
 * Would break: an agent that leaves processes or large files behind, ends with another code than 0 when told to, or
 * shows its pages to whoever has no token.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { startAgent } from '../../scripts/lib/agent-process.ts';
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

/** How the page's door answers a token: its close code, or 1005 when it let us in and we left. */
function knock(url: string, token: string, origin: string): Promise<number | 'refused'> {
  const { host } = new URL(url);
  const socket = new WebSocket(`ws://${host}/api`, ['idlewatt', `token.${token}`], { origin });
  return new Promise((resolve) => {
    socket.once('error', () => resolve('refused'));
    socket.once('close', (code) => resolve(code));
    // Whoever has no token is shown out by the server; the others leave by themselves.
    socket.once('open', () => setTimeout(() => socket.close(), 500));
  });
}

/** The answer's status when the browser believes that we are another host (DNS rebinding). */
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

test('pages need the token; SIGTERM in the middle of a job ends all within five seconds', async (context) => {
  const home = temporaryHome();
  const practice = await startPractice(home.path);
  context.after(() => practice.agent.process.kill('SIGKILL'));
  const { page, pid } = practice.agent.ready;
  assert.ok(page);

  const { host } = new URL(page.url);
  assert.equal(await knock(page.url, page.token, `http://${host}`), 1005);
  assert.equal(await knock(page.url, 'f'.repeat(48), `http://${host}`), 4401);
  assert.equal(await knock(page.url, page.token, 'http://evil.example'), 'refused');
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
  const told = performance.now();
  assert.equal(await practice.close(), 0);
  assert.ok(performance.now() - told < STOP_MS_MAX);
  await reader?.cancel().catch(() => undefined);
  assert.deepEqual(children.filter(isAlive), []);
  home.remove();
});

test('SIGINT ends it as well', async () => {
  const home = temporaryHome();
  const agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
  const ended = new Promise((resolve) => agent.process.once('exit', resolve));
  agent.process.kill('SIGINT');
  assert.equal(await ended, 0);
  home.remove();
});

test('an agent that is killed leaves no process behind, and the next one takes the home and clears it', async () => {
  const home = temporaryHome();
  const agent = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
  const children = descendants(agent.ready.pid, '');
  agent.process.kill('SIGKILL');
  const deadline = performance.now() + STOP_MS_MAX;
  while (children.some(isAlive) && performance.now() < deadline)
    await new Promise((wake) => setTimeout(wake, 50));
  assert.deepEqual(children.filter(isAlive), []);
  // As one that is killed while it calibrates leaves it.
  const calibration = join(home.path, 'calibration');
  mkdirSync(calibration);
  writeFileSync(join(calibration, 'synthetic.gguf'), 'GGUF');
  const next = await startAgent(['--headless', '--home', home.path, '--quiet-requester']);
  assert.equal(existsSync(calibration), false);
  assert.equal(await next.stop(), 0);
  home.remove();
});

test('a port that is taken is named, with what to do', async () => {
  const home = temporaryHome();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  assert.ok(address && typeof address === 'object');
  await assert.rejects(
    startAgent(['--headless', '--home', home.path, '--port', String(address.port)]),
    new RegExp(`Port ${address.port}.*--port`),
  );
  other.close();
  home.remove();
});

test('wrong options are named, with those that exist', async () => {
  await assert.rejects(startAgent(['--headless', '--colour', 'red']), /--colour[\s\S]*Usage/);
  await assert.rejects(startAgent(['--headless', '--profile', 'casino']), /practice, office, open/);
  await assert.rejects(startAgent(['--headless', '--port', '70000']), /65535/);
});
