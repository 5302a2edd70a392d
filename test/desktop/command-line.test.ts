/**
 * Verifies: the shell prints its version and help, or one line about a wrong command line, and starts nothing; with
 *   `--headless` it runs the agent with its pages and stops it.
 * Setup: the real Electron with our app's folder, a data folder that doesn't exist, and no display.
 * Fails if: a display is opened, a window or an agent is started, the data folder is created, a wrong option is ignored,
 *   the agent alone lacks its pages, or it outlives the program that the owner stops.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { agentReadySchema } from '../../shared/host.ts';
import { eventually } from '../agent/practice-agent.ts';
import { appProgram } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-options-'));
const home = join(folder, 'data');
const { DISPLAY: _, WAYLAND_DISPLAY: __, ...withoutDisplay } = process.env;
after(() => rmSync(folder, { recursive: true }));

async function command(...parameters: string[]): Promise<[string, string[]]> {
  const program = await appProgram();
  return [program.executable, [...program.parameters, ...parameters]];
}

async function shell(...parameters: string[]) {
  const { status, stdout, stderr } = spawnSync(...(await command(...parameters)), {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...withoutDisplay, IDLEWATT_HOME: home },
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

test('--headless runs the agent without a display, serves its pages, and stops it on SIGTERM', async (context) => {
  const own = join(folder, 'headless');
  const readyFile = join(folder, 'ready.json');
  const parameters = ['--headless', '--profile', 'office', '--home', own, '--ready-file', readyFile];
  const app = spawn(...(await command(...parameters)), { env: withoutDisplay, stdio: 'ignore' });
  const ended = once(app, 'exit');
  context.after(() => app.kill('SIGTERM'));
  const ready = await eventually('READY', async () =>
    existsSync(readyFile) ? agentReadySchema.parse(JSON.parse(readFileSync(readyFile, 'utf8'))) : null,
  );
  const response = await fetch(ready.page?.url ?? assert.fail('no pages'));
  assert.equal(response.status, 200);
  assert.match(await response.text(), /id="page"/);
  app.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  assert.throws(() => process.kill(ready.pid, 0), { code: 'ESRCH' });
});

test('a command runs without a display and exits as it does in the terminal', async () => {
  const listed = await shell('commands');
  assert.equal(listed.status, 0);
  assert.match(listed.stdout, /wallet/);
  const refused = await shell('ledger', 'verify', '--home', home);
  assert.deepEqual([refused.status, refused.stdout], [1, '']);
  assert.match(refused.stderr, /No Idlewatt data in/);
  assert.ok(!existsSync(home));
});
