/**
 * Verifies: Chromium's folder is never the data folder, and what the shell stored in the data folder is moved, once.
 * Setup: every system with and without a named data folder; temporary folders.
 * Fails if: Chromium's files are mixed with wallet and ledger, the saved passphrase is lost, or a new file is replaced.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { moveOwnFiles, ownFolder } from '../../../main/desktop/own-folder.ts';
import { defaultHome } from '../../../main/ports/data-folder.ts';

/** Electron's own choice, as its documentation gives it for each system. */
const APP_DATA = {
  linux: '/home/ada/.config',
  darwin: '/home/ada/Library/Application Support',
  win32: '/home/ada/AppData/Roaming',
} as const;

test('the default data folder and Chromium’s are apart on every system', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    const appData = APP_DATA[platform];
    const folder = ownFolder({ platform, home: null, appData }) ?? join(appData, 'Idlewatt');
    const home = defaultHome({ platform, environment: {}, userFolder: '/home/ada' }).replaceAll('\\', '/');
    assert.ok(!`${folder}/`.startsWith(`${home}/`), `${platform}: ${folder} is in ${home}`);
    assert.ok(!`${home}/`.startsWith(`${folder}/`), `${platform}: ${home} is in ${folder}`);
  }
});

test('a named data folder contains a folder for Chromium', () => {
  assert.equal(ownFolder({ platform: 'linux', home: '/data', appData: '/x' }), '/data/desktop');
});

test('moves the shell’s files and leaves all others', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-own-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const [from, to] = [folder, join(folder, 'new')];
  for (const name of ['wallet-secret', 'window.json', 'idlewatt.db']) writeFileSync(join(from, name), name);
  moveOwnFiles(from, to);
  assert.deepEqual(readdirSync(to).sort(), ['wallet-secret', 'window.json']);
  assert.deepEqual(readdirSync(from).sort(), ['idlewatt.db', 'new']);
  writeFileSync(join(from, 'wallet-secret'), 'older');
  moveOwnFiles(from, to);
  assert.equal(readFileSync(join(to, 'wallet-secret'), 'utf8'), 'wallet-secret');
});
