/**
 * Verifies: the demo keeps its data folder when it fails.
 * Setup: the command as a process of its own, with its own folder for temporary files; the agent that it starts refuses
 * its environment.
 * Fails if: the evidence of a failure is deleted.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-demo-test-'));
after(() => rmSync(folder, { recursive: true }));

function demo(words: readonly string[], environment: Record<string, string> = {}) {
  return spawnSync(process.execPath, [join(REPOSITORY, 'scripts/commands/demo.ts'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder, TMP: folder, TEMP: folder, ...environment },
  });
}

test('a failed demo keeps its data folder and prints where it is', () => {
  const { status, stderr } = demo([], { IDLEWATT_LOG_LEVEL: 'loud' });
  assert.equal(status, 1, stderr);
  const kept = readdirSync(folder).filter((name) => name.startsWith('idlewatt-demo-'));
  assert.equal(kept.length, 1, stderr);
  assert.match(stderr, new RegExp(`The data folder was kept: .*${kept[0]}`));
});
