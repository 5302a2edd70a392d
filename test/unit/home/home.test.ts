/**
 * Goal: one agent per folder, also after crashes; a folder that cannot be used is named with the way out.
 * Method: real folders and locks; the holder is a real process that is killed with -9.
 * Would break: a lock that outlives its holder, a second agent that gets in, keys that others can read.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { acquireFileLock } from '../../../main/adapters/sqlite/index.ts';
import { defaultHome, homePaths, openHome } from '../../../main/core/home/index.ts';
import { isAppError } from '../../../shared/errors.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-home-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (root: string) => openHome({ root, acquireLock: acquireFileLock, pid: process.pid });

test('a missing folder is made, for its owner only, with everything below it', () => {
  const root = join(folder, 'deep', 'home');
  const home = open(root);
  for (const path of [root, home.paths.keys, home.paths.models, home.paths.chain, home.paths.logs]) {
    assert.equal(statSync(path).mode & 0o777, 0o700, path);
  }
  assert.deepEqual(home.paths, homePaths(root));
  home.close();
  assert.equal(existsSync(join(root, 'agent.pid')), false);
  open(root).close();
});

test('a second agent is refused and told which process has the folder and what to do', () => {
  const home = open(folder);
  assert.throws(
    () => open(folder),
    (error) =>
      isAppError(error, 'home-in-use') &&
      error.message.includes(`process ${process.pid}`) &&
      error.message.includes(folder) &&
      error.message.includes('--home') &&
      error.details.pid === process.pid,
  );
  home.close();
});

test('the lock of a process that was killed is taken over, whatever its pid file says', async () => {
  const room = (path: string) => JSON.stringify(join(import.meta.dirname, '../../../main', path));
  const program = `
    import { openHome } from ${room('core/home/index.ts')};
    import { acquireFileLock } from ${room('adapters/sqlite/index.ts')};
    openHome({ root: ${JSON.stringify(folder)}, acquireLock: acquireFileLock, pid: process.pid });
    process.stdout.write('open');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  assert.throws(
    () => open(folder),
    (error) => isAppError(error, 'home-in-use') && error.details.pid === holder.pid,
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.ok(existsSync(join(folder, 'agent.pid')), 'the dead process left its pid file');
  open(folder).close();
});

test('an unreadable pid file hides the process, not the refusal', () => {
  const home = open(folder);
  writeFileSync(join(folder, 'agent.pid'), 'not a number');
  assert.throws(
    () => open(folder),
    (error) => isAppError(error, 'home-in-use') && error.details.pid === null,
  );
  home.close();
});

test('a folder that cannot be written is named with the way out', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  // A folder below a file cannot be made by anybody, not even by the super-user who runs these tests.
  for (const root of [join(file, 'home'), file]) {
    assert.throws(
      () => open(root),
      (error) =>
        isAppError(error, 'home-not-writable') &&
        error.message.includes(root) &&
        error.message.includes('--home'),
    );
  }
});

test('each system has its own place, and IDLEWATT_HOME overrides it', () => {
  const at = (platform: NodeJS.Platform, environment: Record<string, string>, userFolder: string) =>
    defaultHome({ platform, environment, userFolder });
  assert.equal(at('linux', {}, '/home/a'), '/home/a/.local/share/idlewatt');
  assert.equal(at('linux', { XDG_DATA_HOME: '/data' }, '/home/a'), '/data/idlewatt');
  assert.equal(at('linux', { XDG_DATA_HOME: 'relative' }, '/home/a'), '/home/a/.local/share/idlewatt');
  assert.equal(at('darwin', {}, '/Users/a'), '/Users/a/Library/Application Support/Idlewatt');
  assert.equal(at('win32', {}, 'C:\\Users\\a'), 'C:\\Users\\a\\AppData\\Local\\Idlewatt');
  assert.equal(at('win32', { LOCALAPPDATA: 'D:\\Local' }, 'C:\\Users\\a'), 'D:\\Local\\Idlewatt');
  assert.equal(at('linux', { IDLEWATT_HOME: '/elsewhere' }, '/home/a'), '/elsewhere');
});
