/**
 * Verifies: without a compiler nothing breaks and one sentence names what is missing; with one, nothing is compiled twice.
 * Setup: the command itself, with and without a PATH.
 * Fails if: a start fails because gcc is missing.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadNative } from '../../../native/index.ts';
import { buildNative } from '../../../scripts/lib/native-build.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function build(environment: NodeJS.ProcessEnv, ...parameters: string[]) {
  const script = join(ROOT, 'scripts/commands/build-native.ts');
  return spawnSync(process.execPath, [script, ...parameters], { env: environment, encoding: 'utf8' });
}

describe('building the native part', { skip: process.platform !== 'linux' }, () => {
  before(() => assert.notEqual(buildNative().state, 'missing'));

  it('names what is missing without a compiler in one line, and keeps existing files', () => {
    const { status, stdout, stderr } = build({ PATH: '/nonexistent' }, '--force');
    assert.equal(status, 1);
    assert.equal(stderr, '');
    assert.match(stdout, /^The native part is missing \(this machine has no C compiler\)\. .*sandbox.*\n$/);
    assert.equal(loadNative().missing, null);
  });

  it('reports the error of a compiler that fails, and keeps existing files', () => {
    const { status, stdout } = build({ PATH: process.env.PATH, CC: '/bin/false' }, '--force');
    assert.equal(status, 1);
    assert.match(stdout, /compilation failed\n\/bin\/false exited with code 1/);
    assert.equal(loadNative().missing, null);
  });

  it('skips files that are newer than their sources', () => {
    const addon = join(ROOT, 'native/build/idlewatt.node');
    const { mtimeMs } = statSync(addon);
    const { status, stdout } = build({ PATH: process.env.PATH });
    assert.equal(status, 0);
    assert.equal(stdout, 'Nothing to build.\n');
    assert.equal(statSync(addon).mtimeMs, mtimeMs);
  });
});
