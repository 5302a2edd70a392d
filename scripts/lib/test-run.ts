/** Runs test files with node:test, each in its own process, and prints a line per file and every failure. */
import { join, relative } from 'node:path';
import { type EventData, run } from 'node:test';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from './places.ts';

export interface TestRun {
  readonly files: readonly string[];
  /** Number of files that run concurrently. */
  readonly concurrency: number;
  /** Limit of each test and each hook that doesn't set its own `timeout`. */
  readonly testMsMax: number;
  /** Limit of a whole file. */
  readonly fileMsMax: number;
  /** Time that a file's process may take to exit after its last test. */
  readonly exitMsMax: number;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function runTestFiles({
  files,
  concurrency,
  testMsMax,
  fileMsMax,
  exitMsMax,
}: TestRun): Promise<Tally> {
  const preload = pathToFileURL(join(import.meta.dirname, 'test-process.ts'));
  preload.searchParams.set('exitMsMax', String(exitMsMax));
  const events = run({
    files: [...files],
    concurrency,
    isolation: 'process',
    timeout: fileMsMax,
    execArgv: [
      // Without this, node:test uses `timeout` as the limit of each test, too.
      `--test-timeout=${testMsMax}`,
      `--import=${preload.href}`,
    ],
  });
  let tally: Tally = { passed: 0, failed: 0, skipped: 0 };
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
