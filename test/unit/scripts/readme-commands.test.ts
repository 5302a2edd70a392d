/**
 * Verifies: a command that the README doesn't name is reported.
 * Setup: small READMEs.
 * Fails if: a missing command passes, or a command passes because another one begins like it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingCommands } from '../../../scripts/lib/readme-commands.ts';

test('reports commands that are not named, and takes no longer name for them', () => {
  const readme = 'Run `npm start`, `npm run test:crash -- --kills N` or `npm run bench -- engine [--json]`.';
  const commands = { scripts: ['start', 'test', 'test:crash'], benches: ['engine', 'desktop'] };
  assert.deepEqual(missingCommands(readme, commands), [
    "README.md doesn't name `npm test`.",
    "README.md doesn't name `npm run bench -- desktop`.",
  ]);
  assert.deepEqual(missingCommands('`npm test:crash`', { scripts: ['test'], benches: [] }).length, 1);
});
