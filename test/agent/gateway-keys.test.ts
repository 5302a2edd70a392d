/**
 * Verifies: keys of the gateway are added, listed and revoked by the commands of a running agent; what a key spent
 *   survives kill -9 in the middle of an answer, and agrees with its jobs once their charges are known.
 * Setup: a practice network with everything real and a quiet requester; its owner buys from themselves.
 * Fails if: a crash forgets a purchase, a charge counts twice, a secret is in the database, or a revoked key buys.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

/** Loading and measuring a model takes minutes on a busy machine; the test starts the agent a second time. */
const START = { timeout: 600_000 };
const SLOW = { timeout: 600_000 };
/** The first bill waits for a process that recounts its tokens. */
const AGREED_MS_MAX = 90_000;
const home = temporaryHome();
let practice: PracticeAgent;

async function start(): Promise<void> {
  practice = await startPractice(home.path);
  // A measurement has the machine for itself, and requests are refused meanwhile.
  await waitForState(practice.api, ({ machine }) => ['done', 'failed'].includes(machine.benchmark.state), {
    timeoutMs: 280_000,
  });
}
before(start, START);
after(async () => {
  await practice?.close();
  home.remove();
});

const command = async (...words: string[]) => {
  const entry = join(REPOSITORY, 'main/agent-main.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...words, '--home', home.path]);
  return stdout;
};
const listed = async (id: string) => (await practice.api.keys.list({})).keys.find((key) => key.id === id);

function ask(secret: string, more: object = {}): Promise<Response> {
  return fetch(`${practice.agent.ready.gateway?.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: 'Count to one hundred.' }],
      max_tokens: 8,
      ...more,
    }),
  });
}

/** Resolves to what the key spent, once that is what the ledger has. */
async function agreed(id: string): Promise<bigint> {
  const deadline = performance.now() + AGREED_MS_MAX;
  for (;;) {
    const { models } = await practice.api.buying.overview({ days: 2 });
    const spent = models.reduce((sum, model) => sum + BigInt(model.spent), 0n);
    const key = BigInt((await listed(id))?.spentTotal ?? -1);
    if (key === spent) return spent;
    assert.ok(performance.now() < deadline, `the key spent ${key}, the ledger has ${spent}`);
    await setTimeout(100);
  }
}

test('what a key spent survives kill -9, and a revoked key buys nothing', SLOW, async () => {
  const text = await command('keys', 'add', 'Night agent', '--day', '0.5', '--concurrent', '2');
  const [, secret = '', id = ''] = /^Key: (\S+)\nID: {2}(\S+)\n/.exec(text) ?? [];
  assert.match(secret, /^iw-[0-9a-f]{48}$/);
  assert.match(await command('keys', 'list'), /Night agent {2}24 h: 0 USDC of 0\.5 USDC/);
  const response = await ask(secret);
  assert.equal(response.status, 200, await response.clone().text());
  await response.text();
  const first = await agreed(id);
  assert.ok(first > 0n);

  const streamed = await ask(secret, { stream: true, max_tokens: 400 });
  const reader = streamed.body?.getReader();
  await reader?.read();
  const { process: agent } = practice.agent;
  const died = once(agent, 'exit');
  agent.kill('SIGKILL');
  await died;
  await reader?.cancel().catch(() => undefined);
  await start();

  const after = await listed(id);
  assert.ok(BigInt(after?.spentTotal ?? 0) > first, 'the interrupted purchase counts');
  assert.equal(after?.name, 'Night agent');
  // The next purchase brings the connection on which the lost charge is learned.
  await (await ask(secret)).text();
  assert.ok((await agreed(id)) > first);

  assert.match(await command('keys', 'revoke', id), /^Revoked\./);
  assert.equal((await ask(secret)).status, 401);
  const files = readdirSync(home.path).filter((name) => name.startsWith('idlewatt.db'));
  for (const name of files) assert.ok(!readFileSync(join(home.path, name)).includes(secret.slice(3)), name);
});
