/**
 * Verifies: an agent that can't start prints the reason in one sentence, exits with 1 and changes nothing.
 * Setup: the real entry file as a real process, with data folders that are damaged, in use or impossible.
 * Fails if: a stack trace is printed instead of a sentence, the agent starts anyway, or a file is changed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { acquireFileLock } from '../../main/adapters/sqlite/index.ts';
import { openHome } from '../../main/core/home/index.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-refusals-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function refusedStart(home: string): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [AGENT_PROGRAM, '--headless', '--home', home, '--port', '0', '--profile', 'practice'],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(status, 1, stderr);
  assert.doesNotMatch(stdout, /READY/);
  assert.doesNotMatch(stderr, /\n\s+at /, 'a sentence, not a stack trace');
  return stderr;
}

test('a damaged database is refused and left unchanged, with instructions to restore it', () => {
  const database = join(folder, 'idlewatt.db');
  const damaged = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(9_000, 0x5a)]);
  writeFileSync(database, damaged);
  const message = refusedStart(folder);
  assert.match(message, /is damaged and was left untouched\. To restore it: .*backup/);
  assert.deepEqual(readFileSync(database), damaged);
  refusedStart(folder);
});

test('a data folder in use by another agent is refused with that agent’s process ID', () => {
  const home = openHome({ root: folder, acquireLock: acquireFileLock, pid: process.pid });
  assert.match(
    refusedStart(folder),
    new RegExp(`process ${process.pid}\\) is already using the data folder`),
  );
  home.close();
});

test('a data folder that can’t be written is refused with advice', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  assert.match(
    refusedStart(join(file, 'home')),
    /Could not write to the data folder .* choose another one with --home/,
  );
});
