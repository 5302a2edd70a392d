/**
 * Verifies: the ledger can be audited from outside, while the agent runs and after it, and a data folder moves to
 * another place in one file.
 * Setup: the practice network with everything real; the commands run as their own processes while requests are
 * served and paid, then on the stopped data folder, on a changed ledger, and on a folder restored from a backup.
 * Fails if: money in motion raises a false alarm, a changed entry isn't named, a command writes to the data folder,
 * an agent can't continue on a restored folder; a hotkey's job isn't free or counts as income.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { hotkeyPeer } from '../../shared/bittensor.ts';
import { FRIEND, signed } from '../unit/bittensor/hotkey-access.ts';
import { eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
const elsewhere = temporaryHome();
const file = join(elsewhere.path, 'backup.tar.gz');
const restored = join(elsewhere.path, 'home');
let practice: PracticeAgent | null = null;

before(
  async () => {
    practice = await startPractice(home.path, 'tiny', ['--bittensor-listen', '127.0.0.1:0']);
  },
  { timeout: 300_000 },
);
after(async () => {
  await practice?.close();
  home.remove();
  elsewhere.remove();
});

/** Runs a command; returns its exit code and everything that it printed. */
async function command(...words: string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [AGENT_PROGRAM, ...words]);
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, output: failed.stdout + failed.stderr };
  }
}

async function assertVerified(path: string): Promise<void> {
  const { code, output } = await command('ledger', 'verify', '--home', path);
  assert.equal(code, 0, output);
  assert.match(output, /The ledger is correct/);
}

async function ask(on: PracticeAgent, jobs: number): Promise<void> {
  const prompts = practicePrompts(3);
  const model = await eventually('a model is offered', async () => {
    const { gateway } = on;
    const answer = await fetch(`${gateway.baseUrl}/models`, {
      headers: { authorization: `Bearer ${gateway.key}` },
    });
    const { data } = (await answer.json()) as { data: { id: string }[] };
    return data[0]?.id ?? null;
  });
  for (let job = 0; job < jobs; job += 1) {
    await askOnce({ gateway: on.gateway, fetch }, model, prompts.next().value);
  }
}

// Jobs, a claim and a payout with several commands in between take more than a minute where the CPU is shared.
const SLOW = { timeout: 4 * 60_000 };

test('alongside the running agent, while jobs are charged, claimed and paid out', SLOW, async () => {
  assert.ok(practice);
  const running = practice;
  const busy = (async () => {
    await ask(running, 3);
    await running.api.earnings.settle({});
    await ask(running, 2);
  })();
  await assertVerified(home.path);
  const backup = await command('backup', '--home', home.path, '--out', file);
  assert.equal(backup.code, 0, backup.output);
  await busy;
  await assertVerified(home.path);
  await assertVerified(join(home.path, 'requester'));
  const exported = await command('ledger', 'export', '--home', home.path, '--format', 'csv');
  assert.equal(exported.code, 0, exported.output);
  const { entries } = await running.api.earnings.entries({ limit: 500 });
  const lines = entries.reduce((sum, entry) => sum + entry.lines.length, 0);
  assert.equal(exported.output.trim().split('\r\n').length, lines + 1, 'one row per line, and the head');
});

test('a hotkey that the owner allows is answered for free, and no other', SLOW, async () => {
  assert.ok(practice);
  const { api, agent } = practice;
  const { url, hotkey } = agent.ready.bittensor ?? assert.fail('nothing listens');
  const body = JSON.stringify({
    model: TINY_MODEL_ID,
    messages: [{ role: 'user', content: 'Hi' }],
    max_tokens: 8,
  });
  const ask = () => {
    const { path, headers } = signed({ receiver: hotkey, body, atMs: Date.now() });
    return fetch(url + path, { method: 'POST', headers, body });
  };
  assert.equal((await ask()).status, 403);
  const wrong = await command('bittensor', 'allow', `${FRIEND.address.slice(0, -1)}1`, '--home', home.path);
  assert.equal(wrong.code, 2, wrong.output);
  const allowed = await command('bittensor', 'allow', FRIEND.address, '--name', 'Ada', '--home', home.path);
  assert.equal(allowed.code, 0, allowed.output);
  assert.equal((await ask()).status, 200);
  const { jobs } = await api.jobs.list({ side: 'sold', outcome: 'all', limit: 5 });
  const job = jobs.find(({ peer }) => peer === hotkeyPeer(FRIEND.address));
  assert.deepEqual([job?.charged, job?.state], ['0', 'charged']);
  const shown = await command('bittensor', 'show', '--home', home.path, '--json');
  assert.deepEqual(JSON.parse(shown.output), {
    ...{ hotkey, allowed: [FRIEND.address], names: { [FRIEND.address]: 'Ada' } },
  });
  const forgotten = await command('bittensor', 'forget', FRIEND.address, '--home', home.path);
  assert.equal(forgotten.code, 0, forgotten.output);
  assert.equal((await ask()).status, 403);
  await assertVerified(home.path);
});

test('the page and the terminal make the same yearly summary, without practice money', SLOW, async () => {
  assert.ok(practice);
  const pieces: string[] = [];
  const request = { format: 'pdf', from: null, to: null } as const;
  for await (const piece of await practice.api.earnings.export(request)) pieces.push(piece);
  const { code, output } = await command('ledger', 'export', '--home', home.path, '--format', 'pdf');
  assert.equal(code, 0, output);
  const [page = '', terminal = ''] = [pieces.join(''), output].map((text) => text.slice(0, 8));
  assert.deepEqual([page, terminal], ['%PDF-1.3', '%PDF-1.3']);
  assert.match(pieces.join(''), /%%EOF\s*$/);
});

test('verifies a stopped data folder without changing it', async () => {
  await practice?.close();
  practice = null;
  const state = () =>
    ['idlewatt.db', 'chain/practice-chain.gz', 'keys/wallet.json'].map((name) =>
      createHash('sha256')
        .update(readFileSync(join(home.path, name)))
        .digest('hex'),
    );
  const before = state();
  await assertVerified(home.path);
  await assertVerified(join(home.path, 'requester'));
  assert.deepEqual(state(), before);
});

test('names a changed entry and a changed receipt, with exit code 1', async () => {
  const bare = new Database(join(home.path, 'idlewatt.db'));
  const triggers = bare.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all();
  for (const name of triggers) bare.exec(`DROP TRIGGER ${String(name)}`);
  const job = bare
    .prepare("SELECT key, sequence FROM ledger_posting WHERE typeof(key) = 'blob' LIMIT 1")
    .get() as { key: Buffer; sequence: number };
  const id = job.key.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const changed = `json_set(lines, '$[0][2]', '999999')`;
  bare.exec(`UPDATE ledger_posting SET lines = ${changed} WHERE sequence = ${job.sequence}`);
  bare.prepare('UPDATE job SET output_tokens = 100000 WHERE id = ?').run(job.key);
  bare.close();
  const { code, output } = await command('ledger', 'verify', '--home', home.path);
  assert.equal(code, 1, output);
  assert.match(output, new RegExp(`entry ${job.sequence} \\(job:${id}:charged\\): .*hash does not match`));
  assert.match(output, new RegExp(`job ${id}: Its count of output tokens is 100000; its receipt has`));
  assert.match(output, new RegExp(`database: The row "${id}" of the table job was changed`));
});

test('a backup made while running is restored, verified, and continued by an agent', async () => {
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const done = await command('restore', '--in', file, '--home', restored);
  assert.equal(done.code, 0, done.output);
  assert.equal(existsSync(join(restored, 'models')), false);
  const again = await command('restore', '--in', file, '--home', restored);
  assert.equal(again.code, 2);
  assert.match(again.output, /not empty/);
  practice = await startPractice(restored);
  await ask(practice, 1);
  await practice.api.earnings.settle({});
  await assertVerified(restored);
  await assertVerified(join(restored, 'requester'));
});
