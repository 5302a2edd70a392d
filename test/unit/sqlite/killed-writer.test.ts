/**
 * Verifies: what a writer reported as on disk is there after it was killed, and nothing of an unfinished group is.
 * Setup: a process that records jobs for four channels in groups and prints each durable one; SIGKILL after a number of
 * them.
 * Fails if: a reported job, its charge or its channel's record is missing, the ledger doesn't add up, or a start refuses
 * the database.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';

for (const jobsBeforeKill of [1, 7, 40]) {
  test(`a writer that is killed after ${jobsBeforeKill} jobs loses none of them`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'idlewatt-killed-'));
    try {
      const path = join(folder, 'idlewatt.db');
      const reported = await killedWriter(path, jobsBeforeKill);
      const database = openDatabase(path);
      assert.deepEqual(database.ledger.check('all'), []);
      const charged = new Map<string, number>();
      for (const line of reported) {
        const [id = '', channelId = '', cumulative = ''] = line.split(' ');
        assert.equal(database.jobs.find(id)?.state, 'charged', line);
        assert.ok(database.ledger.find(`job:${id}:charged`), line);
        charged.set(channelId, Math.max(charged.get(channelId) ?? 0, Number(cumulative)));
      }
      for (const [channelId, least] of charged) {
        const record = JSON.parse(database.records.get('channel', channelId) ?? '{}');
        assert.ok(record.charged >= least, channelId);
        const inLedger = database.ledger.sumForChannel('channels:owed', channelId);
        assert.equal(inLedger, BigInt(record.charged), 'a group is whole');
      }
      database.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

/** Returns the lines of a writer that was killed after it had printed this many. */
async function killedWriter(path: string, lines: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'group-writer.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const reported: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    reported.push(line);
    if (reported.length === lines) child.kill('SIGKILL');
  }
  await exited;
  return reported;
}
