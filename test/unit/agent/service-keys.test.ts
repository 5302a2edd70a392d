/**
 * Verifies: keys of engine servers are stored in a file that only its owner can read, and removed with their server.
 * Setup: a temporary folder.
 * Fails if: another user of the machine can read a key, a removed key stays on the disk, or a damaged file ends the agent.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openServiceKeys } from '../../../main/agent/service-keys.ts';

test('keys survive a restart privately, and go with their server', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'engine-servers.json');
  const keys = openServiceKeys(folder, 'engine-servers.json');
  keys.set('none', null);
  keys.set('vllm', 'secret-key');
  keys.set('ollama', 'other-key');
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);
  const again = openServiceKeys(folder, 'engine-servers.json');
  assert.deepEqual([again.get('vllm'), again.get('none')], ['secret-key', null]);
  again.set('vllm', null);
  assert.ok(!readFileSync(path, 'utf8').includes('secret-key'));
  writeFileSync(path, '{"ollama": 1}');
  assert.equal(openServiceKeys(folder, 'engine-servers.json').get('ollama'), null);
});
