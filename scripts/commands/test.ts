/**
 * `npm test`: installs what the tests need where that can be done, builds, and runs the groups one after the
 * other: cheap ones first. `npm test -- unit engine` runs the unit tests whose path contains "engine".
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { buildAll } from '../lib/build-targets.ts';
import { electronForTests } from '../lib/electron-for-tests.ts';
import { buildNativeAndReport } from '../lib/native-build.ts';
import { REPOSITORY } from '../lib/places.ts';
import { installSystemPackages } from '../lib/system-packages.ts';
import { openVirtualDisplay } from '../lib/virtual-display.ts';

interface Group {
  readonly name: string;
  /** Test files at once. Real processes and windows get the machine for themselves. */
  readonly filesAtOnce: number;
  readonly windowed: boolean;
}

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const GROUPS: readonly Group[] = [
  { name: 'unit', filesAtOnce: Math.max(2, availableParallelism()), windowed: false },
  { name: 'contract', filesAtOnce: 1, windowed: false },
  { name: 'agent', filesAtOnce: 1, windowed: false },
  { name: 'desktop', filesAtOnce: 1, windowed: true },
];
/** A file that hangs fails; the slowest good ones take about three minutes. */
const FILE_MS_MAX = 8 * 60_000;
const SCREEN = { width: 1400, height: 900 };

const words = process.argv.slice(2);
const named = GROUPS.filter((group) => words.includes(group.name));
const filters = words.filter((word) => !GROUPS.some((group) => group.name === word));
const groups = (named.length > 0 ? named : GROUPS).map((group) => ({ ...group, files: filesOf(group) }));

if (installSystemPackages(['tests']) !== null) process.exit(1);
buildNativeAndReport(console.log);
const built = await buildAll();
if (built.length > 0) console.log(`Built ${built.join(', ')}.`);

const total: Tally = { passed: 0, failed: 0, skipped: 0 };
for (const group of groups) {
  if (group.files.length === 0) continue;
  const tally = await runGroup(group);
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
}
if (total.passed + total.failed === 0) {
  console.log(`No test file matches: ${words.join(' ')}`);
  total.failed += 1;
}
if (total.skipped > 0) console.log(`${total.skipped} skipped: a test that does not run proves nothing`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed + total.skipped === 0 ? 0 : 1);

function filesOf(group: Group): string[] {
  const folder = join(REPOSITORY, 'test', group.name);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => filters.length === 0 || filters.some((word) => `${group.name}/${name}`.includes(word)))
    .map((name) => join(folder, name))
    .sort();
}

async function runGroup(group: Group & { files: readonly string[] }): Promise<Tally> {
  const startedMs = performance.now();
  console.log(`\n${group.name}: ${group.files.length} files`);
  const display = group.windowed ? await openVirtualDisplay(SCREEN) : null;
  if (display) {
    const electron = await electronForTests();
    console.log(`  in Electron ${electron.version}${electron.official ? '' : ', a substitute for tests'}`);
    Object.assign(process.env, display.env, { IDLEWATT_ELECTRON_FOR_TESTS: electron.executable });
  }
  try {
    const tally = await runFiles(group);
    console.log(`${group.name}: ${tally.passed} passed, ${tally.failed} failed in ${seconds(startedMs)}`);
    return tally;
  } finally {
    await display?.close();
  }
}

function runFiles(group: Group & { files: readonly string[] }): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({
    files: [...group.files],
    concurrency: group.filesAtOnce,
    isolation: 'process',
    timeout: FILE_MS_MAX,
  });
  stream.on('test:fail', ({ name, file, details, skip, todo }) => {
    if (skip !== undefined || todo !== undefined) return;
    const { error } = details;
    // A suite or file that failed because something in it did has nothing of its own to say.
    if ('failureType' in error && error.failureType === 'subtestsFailed') return;
    console.log(`\n  FAILED ${file ? relative(REPOSITORY, file) : ''} › ${name}`);
    console.log(indent(reason(error)));
  });
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  stream.on('test:summary', ({ file, counts, duration_ms: durationMs, success }) => {
    if (file !== undefined) {
      const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
      console.log(
        `  ${success ? 'ok    ' : 'FAILED'} ${relative(REPOSITORY, file)}: ${counts.passed} passed` +
          `${failed > 0 ? `, ${failed} failed` : ''} (${(durationMs / 1000).toFixed(1)} s)`,
      );
      return;
    }
    tally.passed = counts.passed;
    tally.skipped = counts.skipped + counts.todo;
    tally.failed = counts.tests - counts.passed - tally.skipped;
    // A file that could not even be read has no test that failed.
    if (!success && tally.failed === 0) tally.failed = 1;
  });
  return new Promise((resolve, reject) => {
    stream.once('end', () => resolve(tally));
    stream.once('error', reject);
    stream.resume();
  });
}

function reason(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? cause.message;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
