/**
 * Verifies: the deb installs, and the installed app completes a first job within a minute in a clean home. While jobs run,
 *   a newer version is installed over it and the version before over that; each time the app restarts into the other one
 *   when its button is pressed, with every job and a correct ledger. Data of a newer version is refused. Removing leaves only the data.
 * Setup: as root on Debian, the package that `npm run test:package` built, with its substitute for Electron, and the same
 *   files as another version; a temporary data folder whose machine was measured; the tiny model of the package, bought by
 *   the practice network's requester.
 * Fails if: a file that is needed at run time isn't packaged, a path points into the archive, the engine or its sandbox
 *   doesn't start from the package, a restart ends a job or starts the old version, a job or a charge is lost, or
 *   installing or removing deletes the owner's data.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import type { Page } from 'playwright';
import { openForReading } from '../../main/adapters/sqlite/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import {
  APP_FOLDER,
  COMMAND,
  PACKAGE_FOR_TESTS,
  packageForTests,
} from '../../scripts/lib/installed-package.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { LICENSES_FILE } from '../../scripts/lib/third-party-licenses.ts';
import type { Job } from '../../shared/jobs.ts';
import { text } from '../../shared/strings/index.ts';
import { VERSION } from '../../shared/version.ts';
import { type DesktopApp, openApp, until } from '../desktop/app.ts';
import { writeOtherVersion } from './other-version.ts';
import { processesOf, type RelaunchedApp, relaunchedApp } from './relaunched-app.ts';

const NEXT_VERSION = VERSION.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
/** From the start of the app. */
const FIRST_JOB_MS_MAX = 60_000;
/** A running app looks for another version once a minute. */
const NOTICE_MS_MAX = 90_000;
const SLOW = { timeout: 5 * 60_000 };

const home = mkdtempSync(join(tmpdir(), 'idlewatt-packed-'));
let deb = '';
let desktop: DesktopApp | null = null;
let relaunched: RelaunchedApp | null = null;

before(() => {
  assert.ok(!existsSync(APP_FOLDER), `${APP_FOLDER} exists: an installed app would be replaced`);
  deb = packageForTests();
  prepareMeasuredHome(home, TINY_MODEL_ID);
});
after(async () => {
  await desktop?.close();
  for (const pid of processesOf(home)) endProcess(pid);
  if (existsSync(APP_FOLDER)) dpkg('--purge', PACKAGE_FOR_TESTS);
  rmSync(home, { recursive: true, force: true });
});

test('the package installs a command, a menu entry and the licenses of third parties', SLOW, () => {
  install(deb);
  assert.equal(existsSync(COMMAND), true);
  assert.match(
    readFileSync('/usr/share/applications/idlewatt.desktop', 'utf8'),
    /^Exec=\/opt\/Idlewatt\/idlewatt/m,
  );
  const licenses = readFileSync(join(APP_FOLDER, 'resources/app.asar.unpacked', LICENSES_FILE), 'utf8');
  assert.match(licenses, /^better-sqlite3 \d/m);
  assert.equal(execFileSync('dpkg', ['--verify', PACKAGE_FOR_TESTS], { encoding: 'utf8' }), '');
});

test('the installed app completes a first job within a minute', SLOW, async (t) => {
  const startedAtMs = performance.now();
  desktop = await open();
  await desktop.page
    .getByRole('button', { name: text('en', 'pause.start') })
    .click({ timeout: FIRST_JOB_MS_MAX });
  const jobs = () => desktop?.page.locator('.today').innerText() ?? '';
  await until('a job', jobs, (shown) => /[1-9]\d* jobs?\b/.test(shown), FIRST_JOB_MS_MAX);
  const seconds = (performance.now() - startedAtMs) / 1000;
  t.diagnostic(`First job after ${seconds.toFixed(1)} s`);
  assert.ok(seconds * 1000 <= FIRST_JOB_MS_MAX, `The first job took ${seconds} s`);
});

test(
  'a new version is installed while jobs run, and the app restarts into it without losing one',
  SLOW,
  async (t) => {
    const next = writeOtherVersion(deb, VERSION, NEXT_VERSION);
    let installed = await installDuringJob(next);
    // The end of a job is stored a moment later, so the one in progress may have ended.
    for (let tries = 1; tries < 5 && installed.during().length === 0; tries++) {
      installed = await installDuringJob(next);
    }
    const { before, during } = installed;
    t.diagnostic(`${before.length} jobs before, ${during().length} during the installation`);
    assert.ok(desktop);
    relaunched = await restart(desktop.page, desktop.processes());
    await until('the next version', runningVersion, (version) => version === NEXT_VERSION);
    assert.equal(idlewatt('--version').stdout.trim(), NEXT_VERSION);
    assert.ok(during().length > 0, 'no job ran while the package was installed');
    assertKept(before);
  },
);

test('the version before is installed over it the same way, with every job', SLOW, async () => {
  assert.ok(relaunched);
  const { before } = installOver(deb);
  relaunched = await restart(relaunched.page, relaunched.pids);
  await until('the version before', runningVersion, (version) => version === VERSION);
  const more = () => storedJobs().length;
  await until('a job with the version before', more, (count) => count > before.length, FIRST_JOB_MS_MAX);
  assertKept(before);
});

test(
  'the app ends without leaving a process, and every amount is as receipts and chain have it',
  SLOW,
  async (t) => {
    assert.ok(relaunched);
    await relaunched.quit();
    assert.deepEqual(processesOf(home), []);
    const { status, stdout, stderr } = idlewatt('ledger', 'verify', '--home', home);
    t.diagnostic(stdout.trim().split('\n').at(-1) ?? '');
    assert.equal(status, 0, stdout + stderr);
  },
);

test('a version that is too old for the data refuses it in one sentence and changes nothing', SLOW, () => {
  const copy = join(home, 'copy');
  cpSync(homePaths(home).database, homePaths(copy).database, { recursive: true });
  const file = homePaths(copy).database;
  const database = new Database(file);
  database.pragma('user_version = 999');
  database.close();
  const hash = () => createHash('sha256').update(readFileSync(file)).digest('hex');
  const before = hash();
  const { status, stderr } = idlewatt('--headless', '--profile', 'office', '--home', copy);
  assert.notEqual(status, 0);
  assert.match(stderr, /written by a newer version of Idlewatt. Nothing was changed/);
  assert.equal(hash(), before);
});

test('removing the package leaves the data folder and nothing else', SLOW, () => {
  dpkg('--purge', PACKAGE_FOR_TESTS);
  assert.deepEqual([APP_FOLDER, COMMAND, '/usr/share/applications/idlewatt.desktop'].filter(existsSync), []);
  assert.ok(existsSync(homePaths(home).database));
});

/** Presses the notice's button, which is there within a minute of an installation, and waits for the app's next start. */
async function restart(page: Page, processes: readonly number[]): Promise<RelaunchedApp> {
  assert.ok(processes.length > 3);
  await page
    .getByRole('button', { name: text('en', 'about.restart'), exact: true })
    .click({ timeout: NOTICE_MS_MAX });
  return relaunchedApp(home, processes);
}

/** The version of the agent that started last, as it logged it. */
function runningVersion(): unknown {
  const lines = readFileSync(join(homePaths(home).logs, 'agent.log'), 'utf8')
    .trim()
    .split('\n');
  const starts = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'Idlewatt is starting');
  return starts.at(-1)?.version;
}

async function installDuringJob(path: string) {
  await until('a job in progress', storedJobs, (jobs) => jobs.some(({ endedAtMs }) => endedAtMs === null));
  return installOver(path);
}

/** Installs a package while the app runs. `during` are the jobs that ran meanwhile. */
function installOver(path: string): { before: readonly Job[]; during: () => readonly Job[] } {
  const before = storedJobs();
  const fromMs = Date.now();
  install(path);
  const untilMs = Date.now();
  const isDuring = ({ createdAtMs, endedAtMs }: Job) =>
    createdAtMs <= untilMs && (endedAtMs === null || endedAtMs >= fromMs);
  return { before, during: () => storedJobs().filter(isDuring) };
}

function storedJobs(): readonly Job[] {
  const database = openForReading(homePaths(home).database);
  try {
    return database.jobs.page('', 10_000);
  } finally {
    database.close();
  }
}

/** Every job is still there; those that had ended have the same charge. */
function assertKept(before: readonly Job[]): void {
  const now = new Map(storedJobs().map((job) => [job.id, job]));
  for (const job of before) {
    const kept = now.get(job.id);
    assert.ok(kept, `job ${job.id} is gone`);
    if (job.charged !== null) assert.equal(kept.charged, job.charged);
  }
}

function idlewatt(...parameters: string[]) {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return spawnSync(COMMAND, [...sandbox, ...parameters], { encoding: 'utf8', timeout: 120_000 });
}

/** It may have ended since it was found. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Libraries of a desktop that the app doesn't need for its tests may be missing here. */
function install(path: string): void {
  dpkg('--install', '--force-depends', path);
}

function dpkg(...parameters: string[]): void {
  execFileSync('dpkg', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function open(): Promise<DesktopApp> {
  process.env.IDLEWATT_INSTALLED_APP = COMMAND;
  // Stays on the command line of the app that starts itself again, unlike the switches that Playwright adds.
  return openApp({ home, parameters: ['--remote-debugging-port=0'], keepsHome: true });
}
