/**
 * Verifies: a disk that is full, or that can't be written, pauses serving with its own reason and ends no process.
 * Setup: the practice network on a small file system, which the test fills and empties; a limit on the size of files,
 * which makes every write of the database fail; a deleted database.
 * Fails if: agent or requester ends, a page can't open or shows another reason, a client gets an error about its payment,
 * or serving doesn't resume when the disk can be written again.
 * Lab: it mounts file systems, and a disk stays full for more than a minute.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { connectApi, waitForState } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import type { AgentState } from '../../shared/api/state.ts';
import type { AgentReady } from '../../shared/host.ts';
import type { PresenceReason } from '../../shared/presence.ts';
import { onSmallDisk } from '../fakes/mounts.ts';
import { eventually, temporaryHome } from './practice-agent.ts';
import { type SmallDisk, startOnSmallDisk } from './small-disk.ts';

/** Far more than the databases, the chain and the logs of two agents. */
const DISK_MIB = 512;
/** Until a model is loaded on a busy machine; everything else takes seconds. */
const WAIT_MS = 120_000;
/** Longer than any interval at which the agent writes automatically. */
const BLIND_MS = 65_000;
/** More than one start of the practice network and more than a minute of a full disk. */
const TIMEOUT_MS = 400_000;

/** Mounts and limits on a process need Linux. */
const OPTIONS = { timeout: TIMEOUT_MS, skip: process.platform !== 'linux' };

const isServing = ({ work }: AgentState) => work.presence.decision === 'run' && work.engine === 'ready';

async function ask({ agent }: SmallDisk): Promise<{ status: number; code: string }> {
  const gateway = agent.ready.requester?.gateway;
  assert.ok(gateway);
  const response = await fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: TINY_MODEL_ID,
      messages: [{ role: 'user', content: 'Say hello.' }],
      max_tokens: 4,
    }),
  });
  const body = (await response.json()) as { error?: { code: string } };
  return { status: response.status, code: body.error?.code ?? '' };
}

/** Opens a page, as a browser would, and waits for a state. */
async function pageShows(
  page: AgentReady['page'],
  condition: (state: AgentState) => boolean,
): Promise<AgentState> {
  assert.ok(page);
  const { api, close } = await connectApi(page);
  try {
    return await waitForState(api, condition, { timeoutMs: WAIT_MS });
  } finally {
    close();
  }
}

/** Both agents show this reason on a page that is opened now. */
async function bothShow({ agent }: SmallDisk, reason: PresenceReason): Promise<void> {
  for (const page of [agent.ready.page, agent.ready.requester?.page ?? null]) {
    await pageShows(page, ({ work }) => work.presence.reason === reason);
  }
}

function assertBothRun({ agent }: SmallDisk): void {
  assert.equal(agent.process.exitCode, null, agent.stderr());
  const { requester } = agent.ready;
  assert.ok(requester);
  assert.doesNotThrow(() => process.kill(requester.pid, 0), agent.stderr());
}

test('a full disk pauses serving, and it resumes when there is room', OPTIONS, async () => {
  const disk = await startOnSmallDisk(DISK_MIB, ['--headless']);
  const { page } = disk.agent.ready;
  try {
    await pageShows(page, isServing);
    assert.equal((await ask(disk)).status, 200);
    disk.fill();
    await bothShow(disk, 'disk-full');
    const refused = await ask(disk);
    assert.deepEqual(refused, { status: 503, code: 'disk-full' });
    await new Promise((resolve) => setTimeout(resolve, BLIND_MS));
    assertBothRun(disk);
    await bothShow(disk, 'disk-full');
    disk.free();
    await pageShows(page, isServing);
    // Each agent checks the disk on its own.
    const requester = disk.agent.ready.requester?.page ?? null;
    await pageShows(requester, ({ work }) => work.presence.reason !== 'disk-full');
    // The buyer may know the provider as paused for a moment longer.
    await eventually('a paid answer', async () => ((await ask(disk)).status === 200 ? true : null));
    assertBothRun(disk);
  } finally {
    await disk.remove();
  }
});

test('a disk that can’t be written pauses serving, and it resumes', OPTIONS, async () => {
  const disk = await startOnSmallDisk(DISK_MIB, ['--headless', '--quiet-requester']);
  const { page, pid, requester } = disk.agent.ready;
  assert.ok(requester);
  try {
    await pageShows(page, isServing);
    // The provider alone: its client has to read about a pause, not about its payment.
    disk.limitFiles([pid], 1);
    assert.deepEqual(await ask(disk), { status: 503, code: 'paused_disk_unwritable' });
    await pageShows(page, ({ work }) => work.presence.reason === 'disk-unwritable');
    disk.limitFiles([pid], null);
    await pageShows(page, isServing);
    assert.equal((await ask(disk)).status, 200);
    disk.limitFiles([pid, requester.pid], 1);
    assert.deepEqual(await ask(disk), { status: 503, code: 'disk-unwritable' });
    await pageShows(requester.page, ({ work }) => work.presence.reason === 'disk-unwritable');
    assertBothRun(disk);
    disk.limitFiles([pid, requester.pid], null);
    await pageShows(page, isServing);
    await pageShows(requester.page, ({ work }) => work.presence.reason !== 'disk-unwritable');
    assert.equal((await ask(disk)).status, 200);
  } finally {
    await disk.remove();
  }
});

test('a database that is deleted while it is in use pauses serving', OPTIONS, async () => {
  const disk = await startOnSmallDisk(DISK_MIB, ['--headless', '--quiet-requester']);
  const { page } = disk.agent.ready;
  try {
    await pageShows(page, isServing);
    assert.equal((await ask(disk)).status, 200);
    for (const end of ['', '-wal', '-shm']) rmSync(join(disk.home, `idlewatt.db${end}`));
    assert.deepEqual(await ask(disk), { status: 503, code: 'paused_database_lost' });
    await pageShows(page, ({ work }) => work.presence.reason === 'database-lost');
    assertBothRun(disk);
    assert.ok(existsSync(join(disk.home, 'idlewatt.db.rescued')));
    assert.equal(existsSync(join(disk.home, 'idlewatt.db')), false, 'no new one was created');
  } finally {
    await disk.remove();
  }
});

test(
  'a start on a full disk is refused in one sentence, or shows the reason on its pages',
  OPTIONS,
  async () => {
    for (const size of ['4k', '40k', '80k', '200k']) {
      const home = temporaryHome();
      const [program = '', ...argv] = onSmallDisk(home.path, size);
      const { status, stderr } = spawnSync(
        program,
        [...argv, process.execPath, AGENT_PROGRAM, '--headless', '--home', home.path],
        { encoding: 'utf8', timeout: 60_000 },
      );
      home.remove();
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        /^idlewatt: The disk is full, so nothing more can be saved\. Free some space\.$/m,
        size,
      );
    }
    const disk = await startOnSmallDisk(2, ['--headless', '--quiet-requester']);
    try {
      await bothShow(disk, 'disk-full');
    } finally {
      await disk.remove();
    }
  },
);
