/**
 * Verifies: a backup that an agent made is restored by its next start, after the owner accepted what it lacks, and also on
 * an emptied data folder; a kill in the middle leaves what a further start completes.
 * Setup: the practice network with everything real; the calls of the page Settings; starts that end or are killed.
 * Fails if: younger entries are replaced without being named, the restored ledger isn't the backup's or doesn't verify, an
 * agent can't earn on it, or the former state is gone.
 * Lab: it starts agents from backups several times, and kills one.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readdirSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { decodeApiError } from '../../shared/api/errors.ts';
import { eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

const home = temporaryHome();
const emptied = temporaryHome();
const running = new Set<PracticeAgent>();
const prompts = practicePrompts(3);
let backup = '';
/** The agent of the first test, which the second one continues with. */
let restored: PracticeAgent | null = null;
/** The ledger entries of the backup, newest first. */
let kept: readonly string[] = [];

after(async () => {
  for (const practice of running) await practice.close();
  home.remove();
  emptied.remove();
});

async function start(path: string): Promise<PracticeAgent> {
  const practice = await startPractice(path);
  running.add(practice);
  return practice;
}

async function close(practice: PracticeAgent): Promise<number | null> {
  running.delete(practice);
  return practice.close();
}

async function ask({ gateway }: PracticeAgent): Promise<void> {
  const model = await eventually('a model is offered', async () => {
    const answer = await fetch(`${gateway.baseUrl}/models`, {
      headers: { authorization: `Bearer ${gateway.key}` },
    });
    const { data } = (await answer.json()) as { data: { id: string }[] };
    return data[0]?.id ?? null;
  });
  await askOnce({ gateway, fetch }, model, prompts.next().value);
}

async function idsOf({ api }: PracticeAgent): Promise<readonly string[]> {
  const { entries } = await api.earnings.entries({ limit: 500 });
  return entries.map(({ id }) => id);
}

async function assertVerified(path: string): Promise<void> {
  for (const folder of [path, join(path, 'requester')]) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      AGENT_PROGRAM,
      ...['ledger', 'verify', '--home', folder],
    ]);
    assert.match(stdout, /The ledger is correct/, folder);
  }
}

/** A start may add an entry, for example of practice coins. */
function assertRestored(ids: readonly string[], before: readonly string[]): void {
  assert.deepEqual(ids.slice(-kept.length), kept);
  assert.deepEqual(
    ids.filter((id) => before.includes(id)),
    kept,
  );
}

/** Checks the backup and accepts its losses, as the page does; resolves when the agent has ended. */
async function restore(practice: PracticeAgent): Promise<void> {
  const name = basename(backup);
  const { checksum, entriesLost } = await practice.api.maintenance.inspectBackup({ name });
  const wanted = { name, checksum, acceptsEntriesLost: entriesLost };
  assert.deepEqual(await practice.api.maintenance.restore(wanted), { restarts: false });
  if (practice.agent.process.exitCode === null) await once(practice.agent.process, 'exit');
  assert.equal(await close(practice), 0);
}

// Starts, jobs and commands, each of which takes several seconds where the CPU is shared.
const SLOW = { timeout: 5 * 60_000 };

test(
  'entries that the backup lacks are counted, and replaced only if the owner accepts that number',
  SLOW,
  async () => {
    const practice = await start(home.path);
    await ask(practice);
    backup = (await practice.api.maintenance.backup({})).path;
    kept = await idsOf(practice);
    await ask(practice);
    const name = basename(backup);
    const facts = await practice.api.maintenance.inspectBackup({ name });
    const before = await idsOf(practice);
    const lost = before.length - kept.length;
    assert.ok(lost > 0);
    assert.deepEqual([facts.entries, facts.entriesLost, facts.isSameLedger], [kept.length, lost, true]);
    assert.equal(facts.wallet, facts.walletHere);
    const refused = practice.api.maintenance.restore({
      name,
      checksum: facts.checksum,
      acceptsEntriesLost: 0,
    });
    await assert.rejects(refused, (error) => decodeApiError(error)?.code === 'not-permitted');
    await restore(practice);

    const again = await start(home.path);
    assertRestored(await idsOf(again), before);
    const { lastRestore } = await again.api.maintenance.list({});
    assert.equal(lastRestore?.outcome, 'restored');
    assert.ok(existsSync(join(lastRestore.aside, 'idlewatt.db')));
    await ask(again);
    await assertVerified(home.path);
    restored = again;
  },
);

test('killed while it restores, the next start has the one state or the other, whole', SLOW, async () => {
  const practice = restored ?? (await start(home.path));
  const before = await idsOf(practice);
  await restore(practice);
  const watcher = watch(home.path);
  const child = spawn(process.execPath, [
    AGENT_PROGRAM,
    '--headless',
    '--home',
    home.path,
    '--quiet-requester',
  ]);
  watcher.on('change', (_, name) => {
    if (name === 'restoring') child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'exit');
  watcher.close();
  assert.equal(signal, 'SIGKILL');
  const again = await start(home.path);
  assertRestored(await idsOf(again), before);
  assert.equal(existsSync(join(home.path, 'restoring')), false);
  await close(again);
  await assertVerified(home.path);
});

test('a backup from elsewhere is restored into an emptied data folder', SLOW, async () => {
  const practice = await start(emptied.path);
  const folder = (await practice.api.maintenance.list({})).backupFolder;
  mkdirSync(folder, { recursive: true });
  const copy = join(folder, 'from-my-old-machine.tar.gz');
  copyFileSync(backup, copy);
  const found = (await practice.api.maintenance.list({})).backups.map(({ path }) => path);
  assert.deepEqual(found, [copy]);
  const facts = await practice.api.maintenance.inspectBackup({ name: basename(copy) });
  assert.equal(facts.isSameLedger, false);
  assert.equal(facts.entriesLost, facts.entriesHere);
  assert.notEqual(facts.wallet, facts.walletHere);
  backup = copy;
  await restore(practice);
  const again = await start(emptied.path);
  assert.deepEqual((await idsOf(again)).slice(-facts.entries), kept);
  await ask(again);
  await close(again);
  await assertVerified(emptied.path);
  assert.equal(readdirSync(emptied.path).filter((name) => name.startsWith('before-restore-')).length, 1);
});
