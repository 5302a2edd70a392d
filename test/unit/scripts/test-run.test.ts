/**
 * Verifies: a test that hangs fails after the limit, and so does a file whose process would not exit.
 * Setup: the runner in a separate process, on small test files, with limits of a second and less.
 * Fails if: the limit counts per file instead of per test, or a leaked timer keeps a run alive.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

const RUNNER = pathToFileURL(join(REPOSITORY, 'scripts/lib/test-run.ts')).href;
const LIMITS = { concurrency: 1, testMsMax: 1_000, fileMsMax: 30_000, exitMsMax: 500 };
const HEAD =
  "import { before, describe, test } from 'node:test';\nconst wait = (ms) => new Promise((done) => setTimeout(done, ms));\n";

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-test-run-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function runFile(text: string): { tally: unknown; output: string } {
  const file = join(folder, 'a.test.ts');
  writeFileSync(file, HEAD + text);
  const program = join(folder, 'run.mjs');
  writeFileSync(
    program,
    `import { runTestFiles } from '${RUNNER}';
console.log(JSON.stringify(await runTestFiles(${JSON.stringify({ ...LIMITS, files: [file] })})));`,
  );
  // Without the variable node:test would take the nested run for a part of this test.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, [program], {
    encoding: 'utf8',
    env,
    timeout: 25_000,
  });
  return { tally: JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), output: stdout + stderr };
}

test('fails a test that hangs, and continues with the next one', () => {
  const { tally, output } = runFile(`
    test('hangs', () => new Promise(() => setInterval(() => {}, 100)));
    test('works', () => {});
  `);
  assert.deepEqual(tally, { passed: 1, failed: 1, skipped: 0 });
  assert.match(output, /FAILED .*a\.test\.ts › hangs\n.*timed out after 1000ms/);
  assert.match(output, /a\.test\.ts is still running 0\.5 s after its last test/);
});

test('limits each test, not the file', () => {
  const { tally } = runFile(`
    for (const name of ['a', 'b', 'c']) test(name, () => wait(500));
    describe('suite', () => { for (const name of ['d', 'e', 'f']) test(name, () => wait(500)); });
  `);
  assert.deepEqual(tally, { passed: 6, failed: 0, skipped: 0 });
});

test('lets a test set a longer limit', () => {
  const { tally } = runFile("test('slow', { timeout: 5_000 }, () => wait(1_500));");
  assert.deepEqual(tally, { passed: 1, failed: 0, skipped: 0 });
});

test('fails a suite whose hook hangs', () => {
  const { tally } = runFile(`
    describe('suite', () => { before(() => wait(4_000)); test('never runs', () => {}); });
  `);
  assert.deepEqual(tally, { passed: 0, failed: 1, skipped: 0 });
});

test('ends the processes that a hanging test started', { skip: process.platform !== 'linux' }, () => {
  const started = join(folder, 'pid');
  runFile(`
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    test('leaks', () => writeFileSync('${started}', String(spawn('sleep', ['30']).pid)));
  `);
  // A zombie that nothing has reaped yet has no command line either.
  const commandLine = `/proc/${readFileSync(started, 'utf8')}/cmdline`;
  assert.equal(existsSync(commandLine) ? readFileSync(commandLine, 'utf8') : '', '');
});

test('fails a file that leaves a timer running', () => {
  const { tally, output } = runFile("test('leaks', () => void setInterval(() => {}, 100));");
  assert.match(JSON.stringify(tally), /"failed":1/);
  assert.match(output, /is still running 0\.5 s after its last test/);
});

test('passes no flags of the runner on to processes that a test forks', () => {
  const { tally } = runFile(`
    import assert from 'node:assert/strict';
    test('clean', () => assert.deepEqual(process.execArgv, []));
  `);
  assert.deepEqual(tally, { passed: 1, failed: 0, skipped: 0 });
});
