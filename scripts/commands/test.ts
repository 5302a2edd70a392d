/**
 * `npm test`: installs the system packages that the tests need if that is possible, builds, and runs the test files,
 * several at a time: unit tests first, then the files that take long, then the others, and at the end, two or one at a
 * time, those that need a quiet machine. Arguments select tests:
 *
 * `npm test -- unit contract` runs groups, `npm test -- test/unit/presence` or `npm test -- test/unit/a.test.ts` runs
 * a folder or a file, and any other word keeps the files whose path contains it: `npm test -- unit engine`.
 *
 * Labs, which build networks of machines, fill disks and kill processes over and over, run only if they are asked for:
 * `npm run test:labs` runs all of them, and a path or word selects one.
 *
 * A test or hook fails after 60 s unless it sets its own `timeout`.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { USAGE_EXIT_CODE } from '../../shared/options.ts';
import { buildAll } from '../lib/build-targets.ts';
import { electronForTests } from '../lib/electron-for-tests.ts';
import { buildNativeAndReport } from '../lib/native-build.ts';
import { REPOSITORY } from '../lib/places.ts';
import { installSystemPackages } from '../lib/system-packages.ts';
import { runTestFiles, sumOf, type Tally } from '../lib/test-run.ts';
import { LABS, planTests, selectTests, TEST_GROUPS } from '../lib/test-selection.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const TEST_MS_MAX = 60_000;
/** The slowest files take about three minutes. */
const FILE_MS_MAX = 8 * 60_000;
const EXIT_MS_MAX = 10_000;
/** Agents, engines and windows wait much of the time: two processes would leave two processors idle for a quarter of it. */
const PROCESSES_MIN = 3;
const QUIET_PROCESSES = 2;

const HELP = `Usage: npm test [-- GROUP|PATH|WORD|${LABS} ...]

Builds what is out of date and runs the selected tests; without arguments all of them, except labs.

  GROUP  ${TEST_GROUPS.join(', ')}
  PATH   a test file or a folder, for example test/unit/presence
  WORD   keeps the files whose path contains it, for example: npm test -- unit engine
  ${LABS}   keeps the labs: networks of machines, full disks, killed processes; npm run test:labs

Exit codes: 0 all passed, 1 a test failed or, on Linux, was skipped, ${USAGE_EXIT_CODE} wrong command line.`;

const selected = readCommandLine(HELP, () => {
  const places = { root: REPOSITORY, currentFolder: process.cwd() };
  const selection = selectTests(process.argv.slice(2), places);
  if (selection.problem !== null) throw new UsageError(`${selection.problem}.`);
  return selection.files;
});
if (installSystemPackages(['tests']) !== null) process.exit(1);
buildNativeAndReport(console.log);
const built = await buildAll();
if (built.length > 0) console.log(`Built ${built.join(', ')}.`);

// Tests start hundreds of processes that load the same sources.
process.env.NODE_COMPILE_CACHE ??= join(REPOSITORY, 'node_modules/.cache/compile');

const counts = [...selected].map(([group, files]) => `${files.length} ${group}`);
console.log(`Test files: ${counts.join(', ')}`);
if (selected.has('desktop')) await provideElectron();
const { together, quiet, alone } = planTests(selected);
const total = sumOf([
  await runBatches(together, Math.max(PROCESSES_MIN, availableParallelism())),
  await runBatches(quiet, QUIET_PROCESSES),
  await runBatches(alone, 1),
]);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
// On Linux every test can run, and a skipped test proves nothing. Elsewhere the tests of Linux's parts are skipped.
const failed = total.failed + (process.platform === 'linux' ? total.skipped : 0);
process.exit(failed === 0 && total.passed > 0 ? 0 : 1);

function runBatches(batches: readonly (readonly string[])[], concurrency: number): Promise<Tally> {
  const limits = { testMsMax: TEST_MS_MAX, fileMsMax: FILE_MS_MAX, exitMsMax: EXIT_MS_MAX };
  return runTestFiles({ batches, concurrency, ...limits });
}

/** Provides an Electron for the tests that open windows; each app opens a display of its own. */
async function provideElectron(): Promise<void> {
  const electron = await electronForTests();
  console.log(`Electron ${electron.version}${electron.official ? '' : ', a substitute for tests'}`);
  process.env.IDLEWATT_ELECTRON_FOR_TESTS = electron.executable;
}
