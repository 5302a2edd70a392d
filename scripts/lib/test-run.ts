/** Runs test files with node:test, each in its own process, and prints a line per file and every failure. */
import { join, relative } from 'node:path';
import { type EventData, run } from 'node:test';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from './places.ts';

export interface TestLimits {
  /** Limit of each test and each hook that doesn't set its own `timeout`. */
  readonly testMsMax: number;
  /** Limit of a whole file. */
  readonly fileMsMax: number;
  /** Time that a file's process may take to exit after its last test. */
  readonly exitMsMax: number;
}

/** Files that start in this order, a number of them concurrently. */
export interface TestQueue {
  readonly files: readonly string[];
  readonly concurrency: number;
  /** Environment of the files' processes; without it, the one of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface TestRun extends TestLimits {
  /** Queues that run together; where several have a file to start, the first one does. */
  readonly queues: readonly TestQueue[];
  /** Number of files of all queues that run concurrently. */
  readonly concurrency: number;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Returns the results of each queue. */
export async function runTestFiles({ queues, concurrency, ...limits }: TestRun): Promise<readonly Tally[]> {
  const states = queues.map((queue) => ({ queue, waiting: [...queue.files], running: 0, tally: NOTHING }));
  const worker = async (): Promise<void> => {
    for (;;) {
      const state = states.find(
        ({ waiting, running, queue }) => waiting.length > 0 && running < queue.concurrency,
      );
      const file = state?.waiting.shift();
      if (!state || file === undefined) return;
      state.running += 1;
      const { passed, failed, skipped } = await runTestFile(file, limits, state.queue.env ?? process.env);
      state.running -= 1;
      const sum = state.tally;
      state.tally = {
        passed: sum.passed + passed,
        failed: sum.failed + failed,
        skipped: sum.skipped + skipped,
      };
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return states.map(({ tally }) => tally);
}

const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };

function runTestFile(file: string, limits: TestLimits, env: NodeJS.ProcessEnv): Promise<Tally> {
  const preload = pathToFileURL(join(import.meta.dirname, 'test-process.ts'));
  preload.searchParams.set('exitMsMax', String(limits.exitMsMax));
  const events = run({
    files: [file],
    env,
    isolation: 'process',
    timeout: limits.fileMsMax,
    execArgv: [
      // Without this, node:test uses `timeout` as the limit of each test, too.
      `--test-timeout=${limits.testMsMax}`,
      `--import=${preload.href}`,
    ],
  });
  let tally = NOTHING;
  events.on('test:fail', printFailure);
  events.on('test:stderr', ({ message }) => process.stderr.write(message));
  events.on('test:summary', (summary) => {
    if (summary.file === undefined) tally = tallyOf(summary);
    else printFile(summary.file, summary);
  });
  return new Promise((resolve, reject) => {
    events.once('end', () => resolve(tally));
    events.once('error', reject);
    events.resume();
  });
}

function tallyOf({ counts, success }: EventData.TestSummary): Tally {
  const skipped = counts.skipped + counts.todo;
  const failed = counts.tests - counts.passed - skipped;
  // A file that could not be loaded has no failed test.
  return { passed: counts.passed, skipped, failed: !success && failed === 0 ? 1 : failed };
}

function printFile(file: string, { counts, success, duration_ms: durationMs }: EventData.TestSummary): void {
  const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
  const failures = failed > 0 ? `, ${failed} failed` : '';
  const result = success ? 'ok    ' : 'FAILED';
  console.log(
    `  ${result} ${relative(REPOSITORY, file)}: ${counts.passed} passed${failures} (${(durationMs / 1000).toFixed(1)} s)`,
  );
}

function printFailure({ name, file, details, skip, todo }: EventData.TestFail): void {
  if (skip !== undefined || todo !== undefined) return;
  const { error } = details;
  // The failures inside a suite or a file are printed themselves.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return;
  console.log(`\n  FAILED ${file ? relative(REPOSITORY, file) : ''} › ${name}`);
  const cause = error.cause instanceof Error ? error.cause : error;
  console.log((cause.stack ?? cause.message).replaceAll(/^/gm, '    '));
}
