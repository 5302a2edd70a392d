/**
 * Verifies: the npm scripts print their usage with --help and refuse a wrong command line in one line.
 * Setup: each command as a process of its own.
 * Fails if: a stack trace is printed, or a script starts its work although its command line is wrong.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

/** Each command with command lines that it refuses; `dev` passes unknown options to the agent. */
const WRONG: Readonly<Record<string, readonly string[][]>> = {
  bench: [['nothing'], ['serve', '--jsn'], []],
  check: [['main'], ['--fix']],
  demo: [['--jbs', '3'], ['--jobs', 'many'], ['--jobs', '0'], ['--home', ''], ['here']],
  dev: [['--port', 'many']],
  'test-crash': [
    ['--kils', '3'],
    ['--kills', 'many'],
    ['--seed', ''],
  ],
  test: [['no-such-test']],
};

function run(command: string, words: readonly string[]) {
  const file = join(REPOSITORY, `scripts/commands/${command}.ts`);
  return spawnSync(process.execPath, [file, ...words], { encoding: 'utf8', timeout: 20_000 });
}

for (const [command, lines] of Object.entries(WRONG)) {
  test(`${command}: --help prints the usage`, () => {
    const { status, stdout, stderr } = run(command, ['--help']);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Usage: npm (run|test)/);
  });

  test(`${command}: a wrong command line is refused in one line with exit code 2`, () => {
    for (const words of lines) {
      const { status, stderr } = run(command, words);
      assert.equal(status, 2, stderr);
      assert.match(stderr.trim(), /^[^\n]+ Usage: npm (run|test)[^\n]*$/);
    }
  });
}
