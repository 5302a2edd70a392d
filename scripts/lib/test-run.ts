/** Runs test files with node:test, each file or batch in its own process, and prints a line per file and every failure. */
import { join, relative } from 'node:path';
import { type EventData, run } from 'node:test';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from './places.ts';

export interface TestRun {
  /** Each batch runs in one process, one file after the other. */
  readonly batches: readonly (readonly string[])[];
  /** Number of processes that run concurrently. */
  readonly concurrency: number;
  /** Limit of each test and each hook that doesn't set its own `timeout`. */
  readonly testMsMax: number;
  /** Limit of a process. */
  readonly fileMsMax: number;
  /** Time that a file's process may take to exit after its last test. */
  readonly exitMsMax: number;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const BATCH = join(import.meta.dirname, 'test-batch.ts');

export async function runTestFiles({ batches, concurrency, ...limits }: TestRun): Promise<Tally> {
  const waiting = [...batches];
  const tallies: Tally[] = [];
  const work = async () => {
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      tallies.push(await runProcess(batch, limits));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return sumOf(tallies);
}

export function sumOf(tallies: readonly Tally[]): Tally {
  const sum = (name: keyof Tally) => tallies.reduce((total, tally) => total + tally[name], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

type Limits = Omit<TestRun, 'batches' | 'concurrency'>;

function runProcess(files: readonly string[], { testMsMax, fileMsMax, exitMsMax }: Limits): Promise<Tally> {
  const preload = pathToFileURL(join(import.meta.dirname, 'test-process.ts'));
  preload.searchParams.set('exitMsMax', String(exitMsMax));
  const isBatch = files.length > 1;
  const events = run({
    files: isBatch ? [BATCH] : [...files],
    argv: isBatch ? [String(exitMsMax), ...files] : [],
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
    else if (!isBatch) printFile(summary.file, { ...tallyOf(summary), ms: summary.duration_ms });
  });
  const unfinished = isBatch ? printFilesOfBatch(files, events) : new Set<string>();
  return new Promise((resolve, reject) => {
    events.once('end', () => {
      for (const file of unfinished)
        console.log(`  FAILED ${relative(REPOSITORY, file)}: its process ended before it`);
      resolve({ ...tally, failed: tally.failed + unfinished.size });
    });
    events.once('error', reject);
    events.resume();
  });
}

/**
 * Prints a line for each file of a batch, whose tests are reported before the suite with the file's name. Returns the
 * files that have not ended yet.
 */
function printFilesOfBatch(files: readonly string[], events: ReturnType<typeof run>): ReadonlySet<string> {
  const left = new Set(files);
  let counts = { passed: 0, failed: 0, skipped: 0 };
  const count = (event: EventData.TestPass | EventData.TestFail, outcome: keyof Tally) => {
    if (event.nesting > 0) {
      const skipped = event.skip !== undefined || event.todo !== undefined;
      if (event.details.type !== 'suite') counts[skipped ? 'skipped' : outcome] += 1;
    } else if (left.delete(event.name)) {
      const failed = outcome === 'failed' ? Math.max(1, counts.failed) : 0;
      printFile(event.name, { ...counts, failed, ms: event.details.duration_ms });
      counts = { passed: 0, failed: 0, skipped: 0 };
    }
  };
  events.on('test:pass', (event) => count(event, 'passed'));
  events.on('test:fail', (event) => count(event, 'failed'));
  return left;
}

function tallyOf({ counts, success }: EventData.TestSummary): Tally {
  const skipped = counts.skipped + counts.todo;
  const failed = counts.tests - counts.passed - skipped;
  // A file that could not be loaded has no failed test.
  return { passed: counts.passed, skipped, failed: !success && failed === 0 ? 1 : failed };
}

function printFile(file: string, { passed, failed, ms }: Tally & { readonly ms: number }): void {
  const failures = failed > 0 ? `, ${failed} failed` : '';
  const result = failed > 0 ? 'FAILED' : 'ok    ';
  console.log(
    `  ${result} ${relative(REPOSITORY, file)}: ${passed} passed${failures} (${(ms / 1000).toFixed(1)} s)`,
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
