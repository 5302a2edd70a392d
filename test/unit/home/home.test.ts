/**
 * Verifies: one agent per data folder, even after crashes; an unusable folder is reported with a remedy.
 * Setup: real folders and locks; the holder of the lock is a real process that is killed with SIGKILL.
 * Fails if: a lock outlives its holder, a second agent can open the folder, other users can read keys.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { acquireFileLock } from '../../../main/adapters/sqlite/index.ts';
import { defaultHome, homePaths, openHome } from '../../../main/core/home/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { onSmallDisk } from '../../fakes/mounts.ts';

const WINDOWS = process.platform === 'win32';
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-home-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (root: string) => openHome({ root, acquireLock: acquireFileLock, pid: process.pid });

test('creates a missing folder and everything below it for its owner only', () => {
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

test('rejects a second agent and names the process that has the folder and the remedy', () => {
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

test('takes over the lock of a killed process, even if its pid file remains', async () => {
  const moduleAt = (path: string) => JSON.stringify(join(import.meta.dirname, '../../../main', path));
  const program = `
    import { openHome } from ${moduleAt('core/home/index.ts')};
    import { acquireFileLock } from ${moduleAt('adapters/sqlite/index.ts')};
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
  assert.ok(existsSync(join(folder, 'agent.pid')), 'the pid file of the killed process remains');
  open(folder).close();
});

test('rejects a second agent even if the pid file is unreadable', () => {
  const home = open(folder);
  writeFileSync(join(folder, 'agent.pid'), 'not a number');
  assert.throws(
    () => open(folder),
    (error) => isAppError(error, 'home-in-use') && error.details.pid === null,
  );
  home.close();
});

test('names a folder that is not writable, and the remedy', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  // Not even the superuser, as whom these tests may run, can create a folder below a file.
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

test('takes the rights of other users on folders, databases and keys, and reports it', {
  skip: WINDOWS,
}, () => {
  const home = open(folder);
  home.close();
  assert.deepEqual(home.repaired, []);
  const { root, keys, models, database } = home.paths;
  const key = join(keys, 'wallet.json');
  for (const file of [key, database, join(models, 'model.gguf')]) writeFileSync(file, '', { mode: 0o666 });
  for (const path of [root, keys, models, key, database]) chmodSync(path, 0o755);
  const again = open(folder);
  again.close();
  assert.deepEqual([...again.repaired].sort(), [root, keys, models, key, database].sort());
  for (const path of [root, keys, models]) assert.equal(statSync(path).mode & 0o777, 0o700, path);
  for (const path of [key, database]) assert.equal(statSync(path).mode & 0o077, 0, path);
});

test('rejects a folder that all users share', { skip: WINDOWS }, () => {
  const shared = join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  assert.throws(
    () => open(shared),
    (error) =>
      isAppError(error, 'home-not-writable') && /who could read the wallet’s keys/.test(error.message),
  );
  assert.equal(statSync(shared).mode & 0o7777, 0o1777, 'the shared folder is unchanged');
});

test('a full disk is reported as such', { skip: process.platform !== 'linux' }, () => {
  const program = `
    import { openHome } from ${JSON.stringify(join(import.meta.dirname, '../../../main/core/home/index.ts'))};
    import { acquireFileLock } from ${JSON.stringify(join(import.meta.dirname, '../../../main/adapters/sqlite/index.ts'))};
    try { openHome({ root: ${JSON.stringify(folder)}, acquireLock: acquireFileLock, pid: 1 }); }
    catch (error) { console.log(error.code); }`;
  const run = [process.execPath, '--input-type=module', '--eval', program];
  const [command = '', ...argv] = [...onSmallDisk(folder, '4k'), ...run];
  const { stdout, stderr } = spawnSync(command, argv, { encoding: 'utf8' });
  assert.equal(stdout, 'disk-full\n', stderr);
});

test('each system has its own default folder, and IDLEWATT_HOME overrides it', () => {
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
