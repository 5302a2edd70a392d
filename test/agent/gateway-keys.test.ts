/**
 * Verifies: keys of the gateway are added, listed, changed and revoked by the commands of a running agent; what a key spent
 *   survives kill -9 in the middle of an answer, and is what the provider earned once the charge is known.
 * Setup: a practice network with everything real and a quiet requester, which buys with a key and is killed.
 * Fails if: a crash forgets a purchase, a charge counts twice, a secret is in the database, or a revoked key buys.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import type { GatewayKey } from '../../shared/gateway-keys.ts';
import { booked, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

/** Loading and measuring a model takes minutes on a busy machine. */
const START = { timeout: 600_000 };
/** The requester is started again, and each command is a process. */
const SLOW = { timeout: 400_000 };
const AGREED_MS_MAX = 150_000;
const home = temporaryHome();
const buyersHome = join(home.path, 'requester');
let practice: PracticeAgent;

before(async () => {
  practice = await startPractice(home.path);
}, START);
after(async () => {
  await practice?.close();
  home.remove();
});

const command = async (...words: string[]) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    AGENT_PROGRAM,
    ...words,
    '--home',
    buyersHome,
  ]);
  return stdout;
};

/** Returns what the key spent; null while the requester isn't running. */
async function spentBy(id: string): Promise<bigint | null> {
  const text = await command('keys', 'list', '--json').catch(() => '[]');
  const key = (JSON.parse(text) as GatewayKey[]).find((each) => each.id === id);
  return key === undefined ? null : BigInt(key.spentTotal);
}

/** Resolves to what the key spent, once that is more than this and what the provider earned. */
async function agreedAbove(id: string, least: bigint): Promise<bigint> {
  const deadline = performance.now() + AGREED_MS_MAX;
  for (;;) {
    const earned = -(await booked(practice.api, 'income:jobs'));
    const spent = await spentBy(id);
    if (spent === earned && spent > least) return spent;
    assert.ok(performance.now() < deadline, `the key spent ${spent}, the provider earned ${earned}`);
    await setTimeout(200);
  }
}

function ask(secret: string, more: object = {}): Promise<Response> {
  return fetch(`${practice.gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: TINY_MODEL_ID,
      messages: [{ role: 'user', content: 'Count to one hundred.' }],
      max_tokens: 8,
      ...more,
    }),
  });
}

async function addKey(...options: string[]): Promise<{ secret: string; id: string }> {
  const text = await command('keys', 'add', ...options);
  const [, secret = '', id = ''] = /^Key: (\S+)\nID: {2}(\S+)\n/.exec(text) ?? [];
  assert.match(secret, /^iw-[0-9a-f]{48}$/);
  return { secret, id };
}

test('a key’s spending survives kill -9 in the middle of an answer', SLOW, async () => {
  const { secret, id } = await addKey('Night agent', '--day', '0.5', '--concurrent', '2');
  assert.match(await command('keys', 'list'), /Night agent {2}24 h: 0 USDC of 0\.5 USDC/);
  assert.match(
    await command('keys', 'change', id, '--day', '0.75'),
    /Night agent {2}24 h: 0 USDC of 0\.75 USDC/,
  );
  const revoked = await addKey('Revoked');
  assert.match(await command('keys', 'revoke', revoked.id), /^Revoked\./);
  assert.equal((await ask(revoked.secret)).status, 401);

  const response = await ask(secret);
  assert.equal(response.status, 200, await response.clone().text());
  await response.text();
  const first = await agreedAbove(id, 0n);

  const streamed = await ask(secret, { stream: true, max_tokens: 400 });
  const reader = streamed.body?.getReader();
  let text = '';
  while (!text.includes('"content":"')) {
    text += new TextDecoder().decode((await reader?.read())?.value);
  }
  process.kill(forceUnwrap('there is a requester', practice.agent.ready.requester).pid, 'SIGKILL');
  await reader?.read().catch(() => undefined);
  // The provider started it again; what was delivered is charged, and learned on the next connection.
  await agreedAbove(id, first);

  const files = readdirSync(buyersHome).filter((name) => name.startsWith('idlewatt.db'));
  assert.ok(files.length > 0);
  for (const name of files) {
    assert.ok(!readFileSync(join(buyersHome, name)).includes(secret.slice(3)), name);
  }
});
