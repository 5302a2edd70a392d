// Verifies: the passphrase of a wallet for real money is generated once, stored only where a keychain encrypts it, and
//   never replaced because the stored one can't be read.
// Setup: the store with a real file and a fake keychain that can be unavailable, lose its key or be a plain-text one.
// Fails if: a passphrase is written in plain text; a keychain that lost its key leads to a new passphrase (and so to a
//   wallet that can't be opened); Electron's plain-text fallback is accepted as a keychain.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createWalletSecretStore, type Keychain } from '../../../main/desktop/wallet-secret.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-secret-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Inverts bits; rejects what another key encrypted, as real keychains do. */
function keychain(options: { key?: number; available?: boolean; backend?: string } = {}): Keychain {
  const { key = 1, available = true, backend = 'gnome_libsecret' } = options;
  return {
    isEncryptionAvailable: () => available,
    getSelectedStorageBackend: () => backend,
    encryptString: (text) => Buffer.from([key, ...Buffer.from(text).map((byte) => byte ^ 0xff)]),
    decryptString(encrypted) {
      if (encrypted[0] !== key) throw new Error(`cannot decrypt ${encrypted.toString('hex')}`);
      return Buffer.from(encrypted.subarray(1).map((byte) => byte ^ 0xff)).toString();
    },
  };
}

const file = () => join(folder, 'wallet-secret');
const store = (chain: Keychain, platform: NodeJS.Platform = 'linux') =>
  createWalletSecretStore({ file: file(), keychain: chain, platform });

test('the first read generates a passphrase, and every later one returns it', () => {
  const first = store(keychain()).read();
  assert.ok('passphrase' in first && first.passphrase.length >= 40);
  assert.deepEqual(store(keychain()).read(), first);
});

test('the file is encrypted and readable by its owner only', () => {
  const stored = store(keychain()).read();
  assert.ok('passphrase' in stored);
  assert.ok(!readFileSync(file()).includes(stored.passphrase));
  if (process.platform !== 'win32') assert.equal(statSync(file()).mode & 0o777, 0o600);
});

test('two machines get different passphrases', () => {
  const one = store(keychain()).read();
  rmSync(file());
  assert.notDeepEqual(store(keychain()).read(), one);
});

test('without a keychain nothing is generated and nothing is written', () => {
  for (const [chain, platform] of [
    [keychain({ available: false }), 'win32'],
    [keychain({ backend: 'basic_text' }), 'linux'],
    [keychain({ backend: 'unknown' }), 'linux'],
  ] as const) {
    assert.deepEqual(store(chain, platform).read(), { refused: 'no-keychain' });
    assert.throws(() => readFileSync(file()), { code: 'ENOENT' });
  }
});

test('the name of a Linux backend has no effect on other systems', () => {
  assert.ok('passphrase' in store(keychain({ backend: 'basic_text' }), 'darwin').read());
});

test('after a lost key or with a damaged file the read is refused and the file is unchanged', () => {
  store(keychain({ key: 1 })).read();
  const before = readFileSync(file());
  assert.deepEqual(store(keychain({ key: 2 })).read(), { refused: 'unreadable' });
  assert.deepEqual(readFileSync(file()), before);
  writeFileSync(file(), '');
  assert.deepEqual(store(keychain()).read(), { refused: 'unreadable' });
});

test('a passphrase that the owner typed replaces the stored one', () => {
  store(keychain({ key: 1 })).read();
  store(keychain({ key: 2 })).keep('typed by hand');
  assert.deepEqual(store(keychain({ key: 2 })).read(), { passphrase: 'typed by hand' });
});
