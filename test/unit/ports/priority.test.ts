/**
 * Verifies: a process that lowers its priority does so for every thread.
 * Setup: a child process with threads of its own that reads their priorities from the system.
 * Fails if: one thread keeps the normal priority.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const MODULE = join(import.meta.dirname, '../../../main/ports/priority.ts');
const LINUX_ONLY = {
  skip: process.platform !== 'linux' && 'threads have priorities of their own on Linux only',
};

test('background work yields with every thread', LINUX_ONLY, () => {
  const script = `
    import { readdirSync } from 'node:fs';
    import { getPriority } from 'node:os';
    import { lowerPriority } from ${JSON.stringify(MODULE)};
    lowerPriority();
    const threads = readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)));
    console.log(JSON.stringify([...new Set(threads)]));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script]);
  assert.deepEqual(JSON.parse(output.toString()), [19]);
});
