/**
 * Verifies: the deb installs, the installed app opens its window and completes a job within a minute in a clean home,
 *   installs over its running self, starts again with the same data, and leaves only the data folder when removed.
 * Setup: as root on Debian, the package that `npm run test:package` built, with its substitute for Electron; a temporary
 *   data folder whose machine was measured; the tiny model of the package, bought by the practice network's requester.
 * Fails if: a file that is needed at run time isn't packaged, a path points into the archive, the engine or its sandbox
 *   doesn't start from the package, or installing or removing deletes the owner's data.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { OUTPUT } from '../../scripts/lib/package-build.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { LICENSES_FILE } from '../../scripts/lib/third-party-licenses.ts';
import { text } from '../../shared/strings/index.ts';
import { type DesktopApp, isAlive, openApp, until } from '../desktop/app.ts';

const PACKAGE = 'idlewatt-for-tests';
const FOLDER = '/opt/Idlewatt';
/** From the start of the app. */
const FIRST_JOB_MS_MAX = 60_000;
const SLOW = { timeout: 5 * 60_000 };

const home = mkdtempSync(join(tmpdir(), 'idlewatt-packed-'));
let deb = '';
let desktop: DesktopApp | null = null;

before(() => {
  assert.ok(!existsSync(FOLDER), `${FOLDER} exists: an installed app would be replaced`);
  const name = readdirSync(OUTPUT).find((file) => file.endsWith('-for-tests.deb'));
  assert.ok(name, 'npm run test:package builds the package first');
  deb = join(OUTPUT, name);
  prepareMeasuredHome(home, TINY_MODEL_ID);
});
after(async () => {
  await desktop?.close();
  if (existsSync(FOLDER)) dpkg('--purge', PACKAGE);
  rmSync(home, { recursive: true, force: true });
});

test('the package installs a command, a menu entry and the licenses of third parties', SLOW, () => {
  install();
  assert.equal(existsSync('/usr/bin/idlewatt'), true);
  assert.match(
    readFileSync('/usr/share/applications/idlewatt.desktop', 'utf8'),
    /^Exec=\/opt\/Idlewatt\/idlewatt/m,
  );
  const licenses = readFileSync(join(FOLDER, 'resources/app.asar.unpacked', LICENSES_FILE), 'utf8');
  assert.match(licenses, /^better-sqlite3 \d/m);
  assert.equal(execFileSync('dpkg', ['--verify', PACKAGE], { encoding: 'utf8' }), '');
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

test('the package installs over the running app, which quits without leaving a process', SLOW, async () => {
  assert.ok(desktop);
  install();
  const processes = desktop.processes();
  assert.ok(processes.length > 3);
  await desktop.chooseInTray(text('en', 'tray.quit')).catch(() => {}); // its answer may be lost with the app
  const alive = () => processes.filter(isAlive);
  await until('the end of all processes', alive, (left) => left.length === 0, 20_000);
  await desktop.close();
});

test('the app of the new package has the data of the one before', SLOW, async () => {
  desktop = await open();
  const jobs = () => desktop?.page.locator('.today').innerText() ?? '';
  await until('the jobs of before', jobs, (shown) => /[1-9]\d* jobs?\b/.test(shown), FIRST_JOB_MS_MAX);
});

test('removing the package leaves the data folder and nothing else', SLOW, async () => {
  await desktop?.close();
  dpkg('--purge', PACKAGE);
  assert.deepEqual(
    [FOLDER, '/usr/bin/idlewatt', '/usr/share/applications/idlewatt.desktop'].filter(existsSync),
    [],
  );
  assert.ok(existsSync(homePaths(home).database));
});

/** Libraries of a desktop that the app doesn't need for its tests may be missing here. */
function install(): void {
  dpkg('--install', '--force-depends', deb);
}

function dpkg(...parameters: string[]): void {
  execFileSync('dpkg', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function open(): Promise<DesktopApp> {
  process.env.IDLEWATT_INSTALLED_APP = '/usr/bin/idlewatt';
  return openApp({ home, parameters: [], keepsHome: true });
}
