/**
 * Verifies: a start restores the backup that was asked for as a whole and sets the former state aside, or changes nothing
 * and says why; a kill at any step leaves what the next start completes.
 * Setup: real data folders, databases and backups; a process that kills itself before its n-th rename, for each n.
 * Fails if: old and new state are mixed, something of the old state is lost, a damaged or exchanged backup replaces
 * anything, models or logs are moved, or a request outlives its restore.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { build } from 'vite';
import {
  acquireFileLock,
  copyDatabaseFile,
  openDatabase,
  openForReading,
  prepareRestored,
} from '../../../main/adapters/sqlite/index.ts';
import {
  backUpHome,
  homePaths,
  inspectBackup,
  openHome,
  readRestoreResult,
  requestRestore,
  restoreAtStart,
} from '../../../main/core/home/index.ts';
import { REPOSITORY } from '../../../scripts/lib/places.ts';
import { isAppError } from '../../../shared/errors.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const ASIDE = 'before-restore-20261129-120000';

let folder = '';
let file = '';
let paths = homePaths('/');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-restore-'));
  file = join(folder, 'backup.tar.gz');
  paths = homePaths(join(folder, 'home'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes one state of provider and requester: each file names it. */
function writeState(state: 'backup' | 'younger'): void {
  for (const home of [paths, homePaths(paths.requester)]) {
    for (const path of [home.keys, home.chain, home.models, home.logs]) mkdirSync(path, { recursive: true });
    const database = openDatabase(home.database);
    database.records.set('test', 'state', JSON.stringify(state));
    database.close();
    writeFileSync(join(home.keys, 'wallet.json'), state);
    writeFileSync(join(home.chain, 'practice-chain.gz'), state);
  }
  writeFileSync(join(paths.root, 'rates.json'), state);
  writeFileSync(join(paths.models, 'model.gguf'), 'model');
  writeFileSync(join(paths.logs, 'agent.log'), 'log');
}

/** A data folder that is younger than its backup, with the request to restore it. */
async function makeRequest(): Promise<string> {
  writeState('backup');
  await backUpHome(paths, file, { copyDatabase: copyDatabaseFile, now: () => 1 });
  writeState('younger');
  writeFileSync(join(paths.keys, 'younger-only'), 'younger');
  const { checksum } = await inspectBackup(paths, file, { check: prepareRestored, read: () => ({}) });
  requestRestore(paths.root, { file, checksum }, NOW);
  return checksum;
}

const parts = { acquireLock: acquireFileLock, check: prepareRestored, now: () => NOW };

/** Runs the first part of an agent’s start. */
async function start() {
  const home = openHome({ root: paths.root, acquireLock: acquireFileLock, pid: process.pid });
  try {
    return await restoreAtStart(paths, parts);
  } finally {
    home.close();
  }
}

/** Returns the state that every file of a data folder has; fails if they differ. */
function stateOf(root: string): string {
  const states = ['', 'requester'].flatMap((place) => {
    const home = homePaths(join(root, place));
    const database = openForReading(home.database);
    const state = JSON.parse(database.records.get('test', 'state') ?? 'null') as string;
    database.close();
    return [
      state,
      readFileSync(join(home.keys, 'wallet.json'), 'utf8'),
      readFileSync(join(home.chain, 'practice-chain.gz'), 'utf8'),
    ];
  });
  states.push(readFileSync(join(root, 'rates.json'), 'utf8'));
  assert.equal(new Set(states).size, 1, states.join());
  return states[0] ?? '';
}

function assertRestored(): void {
  assert.equal(stateOf(paths.root), 'backup');
  assert.equal(existsSync(join(paths.keys, 'younger-only')), false);
  const aside = join(paths.root, ASIDE);
  assert.equal(stateOf(aside), 'younger');
  assert.equal(readFileSync(join(aside, 'keys', 'younger-only'), 'utf8'), 'younger');
  assertTidy();
}

function assertTidy(): void {
  assert.equal(readFileSync(join(paths.models, 'model.gguf'), 'utf8'), 'model');
  assert.equal(readFileSync(join(paths.logs, 'agent.log'), 'utf8'), 'log');
  const left = readdirSync(paths.root).filter((name) =>
    /restoring|inspecting|request\.json|\.new$/.test(name),
  );
  assert.deepEqual(left, []);
}

test('replaces the whole state, and keeps the former one in a folder of its own', async () => {
  await makeRequest();
  const result = await start();
  assert.deepEqual(result, { outcome: 'restored', atMs: NOW, file, aside: join(paths.root, ASIDE) });
  assert.deepEqual(readRestoreResult(paths.root), result);
  assertRestored();
  assert.equal(await start(), null, 'only once');
  assertRestored();
});

test('a start without a request changes nothing', async () => {
  writeState('younger');
  assert.equal(await start(), null);
  assert.equal(stateOf(paths.root), 'younger');
  assert.equal(readRestoreResult(paths.root), null);
});

function replaceByFolder(): void {
  rmSync(file);
  mkdirSync(file);
}

test('a backup that is damaged, gone or another one changes nothing, and the reason is stored', async () => {
  const damages: readonly [string, (checksum: string) => void, RegExp][] = [
    ['damaged', () => writeFileSync(file, readFileSync(file).subarray(0, 2000)), /damaged/],
    ['gone', () => rmSync(file), /not found/],
    ['a folder', replaceByFolder, /EISDIR/],
    ['another', () => requestRestore(paths.root, { file, checksum: '0'.repeat(64) }, NOW), /damaged/],
    ['no request', () => writeFileSync(join(paths.root, 'restore-request.json'), '{"file":1}'), /damaged/],
  ];
  for (const [name, damage, message] of damages) {
    rmSync(file, { recursive: true, force: true });
    rmSync(paths.root, { recursive: true, force: true });
    damage(await makeRequest());
    const result = await start();
    assert.equal(result?.outcome, 'failed', name);
    assert.match(result.message, message, name);
    assert.deepEqual(readRestoreResult(paths.root), result);
    assert.equal(stateOf(paths.root), 'younger', name);
    assert.equal(existsSync(join(paths.root, ASIDE)), false, name);
    assertTidy();
    assert.equal(await start(), null, name);
  }
});

test('a backup whose restore ends the process is given up after three starts', async () => {
  await makeRequest();
  const crash = { ...parts, check: () => assert.fail('a bug') };
  for (let time = 0; time < 3; time += 1) await assert.rejects(restoreAtStart(paths, crash), /a bug/);
  const result = await restoreAtStart(paths, crash);
  assert.equal(result?.outcome, 'failed');
  assert.equal(stateOf(paths.root), 'younger');
  assertTidy();
});

test('waits for a requester that still runs, and then continues', async () => {
  await makeRequest();
  const lock = acquireFileLock(join(paths.requester, 'agent.lock'));
  await assert.rejects(start(), (error) => isAppError(error, 'home-in-use'));
  assert.equal(stateOf(paths.root), 'younger');
  lock?.release();
  assert.equal((await start())?.outcome, 'restored');
  assertRestored();
});

/**
 * Bundles a program that starts and kills itself before its n-th rename: it loads faster than the sources. Returns its
 * path in `folder`.
 */
async function bundleStart(folder: string): Promise<string> {
  const source = join(folder, 'source.mjs');
  const script = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { renameSync } = fs;
    let left = Number(process.argv[2]);
    fs.renameSync = (from, to) => {
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      renameSync(from, to);
    };
    syncBuiltinESMExports();
    const { acquireFileLock, prepareRestored } = await import(${JSON.stringify(join(REPOSITORY, 'main/adapters/sqlite/index.ts'))});
    const { homePaths, openHome, restoreAtStart } = await import(${JSON.stringify(join(REPOSITORY, 'main/core/home/index.ts'))});
    const root = ${JSON.stringify(paths.root)};
    openHome({ root, acquireLock: acquireFileLock, pid: process.pid });
    await restoreAtStart(homePaths(root), { acquireLock: acquireFileLock, check: prepareRestored, now: () => ${NOW} });
  `;
  writeFileSync(source, script);
  await build({
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    ssr: { noExternal: true, target: 'node' },
    build: {
      ...{ ssr: true, outDir: folder, emptyOutDir: false, target: 'node22', minify: false },
      rollupOptions: {
        ...{ input: source, external: [/^node:/, ...builtinModules, 'better-sqlite3'] },
        output: { format: 'es', entryFileNames: 'start.mjs' },
      },
    },
  });
  return join(folder, 'start.mjs');
}

/** Returns whether the program was killed. */
function startAndKill(program: string, rename: number): boolean {
  const { signal, status, stderr } = spawnSync(process.execPath, [program, String(rename)], {
    encoding: 'utf8',
  });
  assert.ok(signal === 'SIGKILL' || status === 0, stderr);
  return signal === 'SIGKILL';
}

// About 25 processes: more than a minute where the CPU is shared.
test('killed before any of its renames, the next start completes it', {
  timeout: 240_000,
}, async (context) => {
  // In the repository, so that the program finds the database library.
  const programs = mkdtempSync(join(REPOSITORY, 'node_modules', '.cache', 'restore-'));
  context.after(() => rmSync(programs, { recursive: true }));
  const program = await bundleStart(programs);
  const prepared = join(programs, 'prepared');
  await makeRequest();
  cpSync(folder, prepared, { recursive: true });
  let kills = 0;
  for (let rename = 1; ; rename += 1) {
    rmSync(folder, { recursive: true });
    cpSync(prepared, folder, { recursive: true });
    const wasKilled = startAndKill(program, rename);
    const result = await start();
    assert.equal(result?.outcome ?? 'done before', wasKilled ? 'restored' : 'done before');
    assertRestored();
    if (!wasKilled) break;
    kills += 1;
  }
  assert.ok(kills >= 16, `${kills} kills: a rename per part, per phase and per record`);
});
