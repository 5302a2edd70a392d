/**
 * Verifies: the owner takes a deposit back with one command, and the ledgers of both sides agree with the chain.
 * Setup: a practice network with everything real; the command runs against the practice requester, which bought once.
 * Fails if: the provider refuses its own channel's refund, the money doesn't arrive, the next request can't open the
 * channel again, or a return is missing from a ledger.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { booked, eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const run = promisify(execFile);
const home = temporaryHome();
const buyerHome = join(home.path, 'requester');
let practice: PracticeAgent;

before(
  async () => {
    practice = await startPractice(home.path);
  },
  { timeout: 300_000 },
);

after(async () => {
  await practice?.close();
  home.remove();
});

async function command(...words: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [...[AGENT_PROGRAM, ...words, '--home', buyerHome]]);
  return stdout;
}

async function ask(): Promise<number> {
  const { baseUrl, key } = practice.gateway;
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const listed = (await (await fetch(`${baseUrl}/models`, { headers })).json()) as { data: { id: string }[] };
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      model: listed.data[0]?.id,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 4,
    }),
  });
  await response.text();
  return response.status;
}

/** The channel is in use until the buyer has checked the bill. */
function charged(): Promise<true> {
  return eventually('the purchase is charged', async () => {
    const [job] = (await practice.requester.jobs.list({ side: 'bought', limit: 1 })).jobs;
    return job?.state === 'charged' ? true : null;
  });
}

// Starting the practice network takes most of it.
test('a deposit comes back by command, and the next request deposits again', {
  timeout: 240_000,
}, async () => {
  assert.equal(await ask(), 200);
  await charged();
  const [channel] = JSON.parse(await command('channels', 'list', '--json'));
  assert.ok(BigInt(channel.left) > 0n);
  const text = await command('channels', 'list');
  assert.ok(text.startsWith(channel.channelId) && text.includes(channel.peer), text);

  assert.equal(await command('channels', 'refund', channel.channelId), `${channel.channelId}  refunded\n`);
  assert.equal(await command('channels', 'list'), 'No deposits to take back.\n');
  assert.equal(await booked(practice.requester, 'channels:deposited'), 0n);
  assert.equal(
    -(await booked(practice.api, 'income:jobs')),
    await booked(practice.requester, 'expense:inference'),
    'the provider keeps what it charged',
  );

  assert.equal(await ask(), 200);
  await command('ledger', 'verify');
  await assert.rejects(command('channels', 'refund', `0x${'0'.repeat(64)}`), /Channel not found/);
});
