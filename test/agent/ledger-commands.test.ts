/**
 * Goal: what the books say is proven from outside, beside the running agent and after it, and a home moves to
 * another folder in one file.
 * Method: the practice network with everything real; the commands run as their own processes while requests are
 * being served and paid, then on the stopped home, on changed books, and on the home restored from a backup.
 * Would break: a false alarm while money moves, a changed entry that is not named, a command that writes to the
 * home, a restored home that an agent cannot go on with.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
const elsewhere = temporaryHome();
const file = join(elsewhere.path, 'backup.tar.gz');
const restored = join(elsewhere.path, 'home');
let practice: PracticeAgent | null = null;

before(async () => {
  practice = await startPractice(home.path);
});
after(async () => {
  await practice?.close();
  home.remove();
  elsewhere.remove();
});

/** Exit code and what was said. */
async function command(...words: string[]): Promise<{ code: number; said: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      join(REPOSITORY, 'main/agent-main.ts'),
      ...words,
    ]);
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, said: failed.stdout + failed.stderr };
  }
}

async function right(path: string): Promise<void> {
  const { code, said } = await command('ledger', 'verify', '--home', path);
  assert.equal(code, 0, said);
  assert.match(said, /The books are right/);
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
  await right(home.path);
  const backup = await command('backup', '--home', home.path, '--out', file);
  assert.equal(backup.code, 0, backup.said);
  await busy;
  await right(home.path);
  await right(join(home.path, 'requester'));
  const exported = await command('ledger', 'export', '--home', home.path, '--format', 'csv');
  assert.equal(exported.code, 0, exported.said);
  const { entries } = await running.api.earnings.entries({ limit: 500 });
  const lines = entries.reduce((sum, entry) => sum + entry.lines.length, 0);
  assert.equal(exported.said.trim().split('\r\n').length, lines + 1, 'a row for each line, and the head');
});

test('on the stopped home, which is only read', async () => {
  await practice?.close();
  practice = null;
  const state = () =>
    ['idlewatt.db', 'chain/practice-chain.gz', 'keys/wallet.json'].map((name) =>
      createHash('sha256')
        .update(readFileSync(join(home.path, name)))
        .digest('hex'),
    );
  const before = state();
  await right(home.path);
  await right(join(home.path, 'requester'));
  assert.deepEqual(state(), before);
});

test('a changed entry and a changed receipt are named, with exit code 1', async () => {
  const bare = new Database(join(home.path, 'idlewatt.db'));
  const triggers = bare.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all();
  for (const name of triggers) bare.exec(`DROP TRIGGER ${String(name)}`);
  const job = bare
    .prepare("SELECT job_id AS id, sequence FROM ledger_posting WHERE kind = 'job-charged' LIMIT 1")
    .get() as { id: string; sequence: number };
  const changed = `json_set(lines, '$[0][2]', '999999')`;
  bare.exec(`UPDATE ledger_posting SET lines = ${changed} WHERE sequence = ${job.sequence}`);
  bare.prepare("UPDATE job SET body = json_set(body, '$.outputTokens', 100000) WHERE id = ?").run(job.id);
  bare.close();
  const { code, said } = await command('ledger', 'verify', '--home', home.path);
  assert.equal(code, 1, said);
  assert.match(said, new RegExp(`entry ${job.sequence} \\(job:${job.id}:charged\\): .*hash does not match`));
  assert.match(said, new RegExp(`job ${job.id}: Its count of output tokens is 100000; its receipt has`));
});

test('the backup made meanwhile is restored, is right, and an agent goes on with it', async () => {
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const done = await command('restore', '--in', file, '--home', restored);
  assert.equal(done.code, 0, done.said);
  assert.equal(existsSync(join(restored, 'models')), false);
  const again = await command('restore', '--in', file, '--home', restored);
  assert.equal(again.code, 1);
  assert.match(again.said, /not empty/);
  practice = await startPractice(restored);
  await ask(practice, 1);
  await practice.api.earnings.settle({});
  await right(restored);
  await right(join(restored, 'requester'));
});
