/**
 * Verifies: a test that hangs fails after the limit, and so does a file whose process would not exit; files that share a
 * process are reported one by one, and fail one by one; no test can end the run.
 * Setup: the runner in a separate process, on small test files, with limits of a second and less.
 * Fails if: the limit counts per file instead of per test, a leaked timer keeps a run alive, or a file of a batch hides
 * the failure of another one.
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
  "import { after, before, beforeEach, describe, test } from 'node:test';\nconst wait = (ms) => new Promise((done) => setTimeout(done, ms));\n";

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-test-run-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function runFile(text: string): { tally: unknown; output: string } {
  return runBatch({ 'a.test.ts': text });
}

/** Runs these files in one process. */
function runBatch(texts: Readonly<Record<string, string>>): { tally: unknown; output: string } {
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), HEAD + text);
  const batch = Object.keys(texts).map((name) => join(folder, name));
  const program = join(folder, 'run.mjs');
  writeFileSync(
    program,
    `import { runTestFiles } from '${RUNNER}';
console.log(JSON.stringify(await runTestFiles(${JSON.stringify({ ...LIMITS, batches: [batch] })})));`,
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

test('refuses a signal to a group of processes, which would end the run', () => {
  const { tally, output } = runFile("test('kills', () => process.kill(Number(''), 'SIGKILL'));");
  assert.deepEqual(tally, { passed: 0, failed: 1, skipped: 0 });
  assert.match(output, /0 is not the ID of one process/);
});

test('passes no flags of the runner on to processes that a test forks', () => {
  const { tally } = runFile(`
    import assert from 'node:assert/strict';
    test('clean', () => assert.deepEqual(process.execArgv, []));
  `);
  assert.deepEqual(tally, { passed: 1, failed: 0, skipped: 0 });
});

test('reports each file of a batch, and a failure with its file', () => {
  const { tally, output } = runBatch({
    'a.test.ts': "beforeEach(() => { throw new Error('not for others'); }); test('fails', () => {});",
    'b.test.ts': "test('works', () => {}); describe('suite', () => test('works, too', () => {}));",
    'c.test.ts': "await wait(10); import './missing.ts';",
    'd.test.ts': "test('hangs', () => new Promise(() => {})); test('is left out', { skip: true }, () => {});",
  });
  assert.match(output, /FAILED .*a\.test\.ts › fails\n/);
  assert.match(output, /FAILED .*a\.test\.ts: 0 passed, 1 failed/);
  assert.match(output, /ok .*b\.test\.ts: 2 passed \(/);
  assert.match(output, /FAILED .*c\.test\.ts: 0 passed, 1 failed/);
  assert.match(output, /FAILED .*d\.test\.ts › hangs\n.*timed out after 1000ms/);
  assert.match(output, /FAILED .*d\.test\.ts: 0 passed, 1 failed/);
  assert.deepEqual(tally, { passed: 2, failed: 2, skipped: 1 });
});

test('fails the file of a batch that leaves something open', () => {
  const { tally, output } = runBatch({
    'a.test.ts': "test('leaks', () => void setInterval(() => {}, 100));",
    'b.test.ts':
      "let timer; test('works', () => { timer = setInterval(() => {}, 100); }); after(() => clearInterval(timer));",
  });
  assert.match(output, /still open 0\.5 s after the last test: Timeout/);
  assert.match(output, /FAILED .*a\.test\.ts: 1 passed, 1 failed/);
  assert.match(output, /ok .*b\.test\.ts: 1 passed/);
  assert.match(JSON.stringify(tally), /"failed":1/);
});

test('fails the files of a batch that an earlier one ends', () => {
  const { tally, output } = runBatch({
    'a.test.ts': "test('ends', () => process.exit(0));",
    'b.test.ts': "test('never runs', () => {});",
  });
  assert.match(output, /FAILED .*b\.test\.ts: its process ended before it/);
  assert.match(JSON.stringify(tally), /"failed":2,/);
});
