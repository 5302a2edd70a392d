// Verifies: the shell prints its version and help, or one line about a wrong command line, and starts nothing.
// Setup: the real Electron with our app's folder, and a data folder that doesn't exist.
// Fails if: a window or an agent is started, the data folder is created, or a wrong option is ignored.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { electronForTests } from '../../scripts/lib/electron-for-tests.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { type OwnDisplay, openOwnDisplay } from './display.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-options-'));
const home = join(folder, 'data');
let display: OwnDisplay;
before(async () => {
  display = await openOwnDisplay();
});
after(async () => {
  await display.close();
  rmSync(folder, { recursive: true });
});

async function shell(...parameters: string[]) {
  const executable = process.env.IDLEWATT_ELECTRON_FOR_TESTS ?? (await electronForTests(() => {})).executable;
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const { status, stdout, stderr } = spawnSync(executable, [...sandbox, REPOSITORY, ...parameters], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...display.env, IDLEWATT_HOME: home },
  });
  return { status, stdout, stderr };
}

test('--version prints the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
  const { status, stdout } = await shell('--version');
  assert.deepEqual([status, stdout], [0, `${version}\n`]);
  assert.ok(!existsSync(home));
});

test('--help prints the options of shell and agent', async () => {
  const { status, stdout } = await shell('--help');
  assert.equal(status, 0);
  for (const name of ['hidden', 'home', 'network', 'facilitator'])
    assert.ok(stdout.includes(`--${name}`), name);
  assert.ok(!existsSync(home));
});

test('a wrong command line is refused with one line and exit code 2', async () => {
  for (const [wrong, line] of [
    ['--hom=/x', 'idlewatt: Unknown option --hom. Did you mean --home?'],
    ['--home=', 'idlewatt: Empty value for --home. Use --home DIR.'],
  ] as const) {
    const { status, stderr } = await shell(wrong);
    assert.equal(status, 2);
    assert.ok(stderr.split('\n').includes(line), stderr);
  }
  assert.ok(!existsSync(home));
});
