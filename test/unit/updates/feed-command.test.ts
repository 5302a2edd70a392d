/**
 * Verifies: the release's feed pins exactly the packages of one version, and `npm run feed` signs only with a key that
 * apps accept.
 * Setup: a temporary folder with files named as electron-builder names them; the command as a process.
 * Fails if: a package for tests or of another version is offered, a checksum is wrong, or an unknown key signs.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFeed } from '../../../main/core/updates/index.ts';
import {
  makeUpdateKey,
  packagesIn,
  privateKeySchema,
  publicPart,
  signFeed,
} from '../../../scripts/lib/update-feed.ts';
import { UPDATE_FEED_FILE, UPDATE_KEY_VARIABLE } from '../../../shared/updates.ts';
import { feedWith } from './feed-server.ts';

const COMMAND = join(import.meta.dirname, '../../../scripts/commands/feed.ts');

test('pins the packages of this version, whatever their system calls the processor', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-feed-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const named = {
    'idlewatt-1.2.3-linux-x86_64.AppImage': 'appimage x64',
    'idlewatt-1.2.3-linux-amd64.deb': 'deb x64',
    'idlewatt-1.2.3-linux-x86_64.rpm': 'rpm x64',
    'idlewatt-1.2.3-win-x64.exe': 'nsis x64',
    'idlewatt-1.2.3-mac-arm64.dmg': 'dmg arm64',
  };
  const others = ['idlewatt-1.2.2-linux-amd64.deb', 'idlewatt-1.2.3-linux-amd64-for-tests.deb', 'SHA256SUMS'];
  for (const name of [...Object.keys(named), ...others]) writeFileSync(join(folder, name), name);
  const files = packagesIn(folder, '1.2.3');
  assert.deepEqual(Object.fromEntries(files.map(({ name, kind, arch }) => [name, `${kind} ${arch}`])), named);
  for (const { name, bytes, sha512 } of files) {
    assert.equal(bytes, name.length);
    assert.equal(sha512, createHash('sha512').update(name).digest('hex'));
  }
  const key = makeUpdateKey('a');
  assert.deepEqual(
    await readFeed(await signFeed(feedWith({ files }), key), [publicPart(key)]),
    feedWith({ files }),
  );
});

test('makes a private key that only its owner can read, and signs with none that no app accepts', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-feed-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const out = join(folder, 'key.json');
  const feed = (words: readonly string[], key = '') =>
    spawnSync(process.execPath, [COMMAND, ...words], {
      encoding: 'utf8',
      env: { [UPDATE_KEY_VARIABLE]: key },
    });
  const made = feed(['keygen', '--id', 'a', '--out', out]);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  const key = readFileSync(out, 'utf8');
  const { d, x } = privateKeySchema.parse(JSON.parse(key));
  assert.ok(made.stdout.includes(x) && !made.stdout.includes(d));
  assert.equal(feed(['keygen', '--id', 'a', '--out', out]).status, 1, 'a key is never replaced');
  assert.equal(readFileSync(out, 'utf8'), key);
  const refused = feed(['sign', '--folder', folder], key);
  assert.match(refused.stderr, /isn't in UPDATE_KEYS/);
  assert.equal(refused.status, 1);
  assert.equal(existsSync(join(folder, UPDATE_FEED_FILE)), false);
  assert.equal(feed(['sign', '--folder', folder, '--staged', '101'], key).status, 2);
});
