/**
 * Verifies: a program in the foreground restarts its child if a bug ended it, and only then; otherwise it exits as its child exits.
 * Setup: real child processes that exit as the test specifies.
 * Fails if: a bug ends Idlewatt for good, a stop or a refused start is followed by a restart, an exit code is lost.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { runInForeground } from '../../../main/adapters/node/index.ts';
import { BUG_EXIT_CODE } from '../../../shared/options.ts';

/** Runs one child after the other, each with this program; returns the exit code and the number of starts. */
async function runAll(programs: readonly string[], restarts = true) {
  let starts = 0;
  const code = await runInForeground({
    start() {
      const program = programs[starts] ?? assert.fail('one start too many');
      starts += 1;
      return spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    },
    restarts,
    print: () => undefined,
  });
  return { code, starts };
}

const BUG = `process.exit(${BUG_EXIT_CODE})`;
const CRASH = "process.kill(process.pid, 'SIGKILL')";

test('restarts after a bug and after a crash, and exits with the last exit code', async () => {
  assert.deepEqual(await runAll([BUG, CRASH, 'process.exit(0)']), { code: 0, starts: 3 });
});

test('does not restart a process that could not start or was stopped on purpose', async () => {
  for (const code of [0, 1, 2]) {
    assert.deepEqual(await runAll([`process.exit(${code})`]), { code, starts: 1 });
  }
});

test('does not restart where restarts are off', async () => {
  assert.deepEqual(await runAll([BUG], false), { code: BUG_EXIT_CODE, starts: 1 });
  assert.deepEqual(await runAll([CRASH], false), { code: 143, starts: 1 });
});
