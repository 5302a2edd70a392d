/**
 * Verifies: the built agent contains each file that the agent starts as a process of its own.
 * Setup: the source of `main`, searched for the URLs of sibling files.
 * Fails if: a process works from the source and is missing in the build.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { agentEntries } from '../../../scripts/lib/agent-bundle.ts';

const MAIN = fileURLToPath(new URL('../../../main', import.meta.url));

test('each process that an adapter starts is an entry of the build', () => {
  const started = globSync('adapters/**/*.ts', { cwd: MAIN }).flatMap((file) => {
    const path = join(MAIN, file);
    const urls = readFileSync(path, 'utf8').matchAll(
      /new URL\(\s*'(\.\/[^']+\.ts)'\s*,\s*import\.meta\.url/g,
    );
    return [...urls].map(([, sibling = '']) => join(dirname(path), sibling));
  });
  assert.ok(started.length >= 4, `${started.length} found`);
  assert.deepEqual(
    started.filter((path) => !agentEntries().includes(path)),
    [],
  );
});
