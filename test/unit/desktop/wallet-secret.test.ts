// Goal: the pass phrase of a wallet for real money is made once, kept only where a keychain keeps it, and
//   never replaced by a new one because the old one cannot be read.
// Method: the store over a real file and a keychain that tests can lock, forget or downgrade.
// Would break if: a pass phrase were written in plain text; a keychain that lost its key led to a new pass
//   phrase (and so to a wallet that nobody can open); Electron's plain-text fallback were taken for a keychain.
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

/** Turns bits over; refuses what another key encrypted, as real keychains do. */
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

test('the first reading makes one, every later one gives the same', () => {
  const first = store(keychain()).read();
  assert.ok('passphrase' in first && first.passphrase.length >= 40);
  assert.deepEqual(store(keychain()).read(), first);
});

test('what lies on the disk is encrypted and for its owner alone', () => {
  const kept = store(keychain()).read();
  assert.ok('passphrase' in kept);
  assert.ok(!readFileSync(file()).includes(kept.passphrase));
  if (process.platform !== 'win32') assert.equal(statSync(file()).mode & 0o777, 0o600);
});

test('two machines get two different ones', () => {
  const one = store(keychain()).read();
  rmSync(file());
  assert.notDeepEqual(store(keychain()).read(), one);
});

test('without a keychain nothing is made and nothing is written', () => {
  for (const [chain, platform] of [
    [keychain({ available: false }), 'win32'],
    [keychain({ backend: 'basic_text' }), 'linux'],
    [keychain({ backend: 'unknown' }), 'linux'],
  ] as const) {
    assert.deepEqual(store(chain, platform).read(), { refused: 'no-keychain' });
    assert.throws(() => readFileSync(file()), { code: 'ENOENT' });
  }
});

test('the name of a Linux backend means nothing elsewhere', () => {
  assert.ok('passphrase' in store(keychain({ backend: 'basic_text' }), 'darwin').read());
});

test('a keychain that lost its key, or a damaged file, is refused and left as it is', () => {
  store(keychain({ key: 1 })).read();
  const before = readFileSync(file());
  assert.deepEqual(store(keychain({ key: 2 })).read(), { refused: 'unreadable' });
  assert.deepEqual(readFileSync(file()), before);
  writeFileSync(file(), '');
  assert.deepEqual(store(keychain()).read(), { refused: 'unreadable' });
});

test('a pass phrase that the owner typed replaces the kept one', () => {
  store(keychain({ key: 1 })).read();
  store(keychain({ key: 2 })).keep('typed by hand');
  assert.deepEqual(store(keychain({ key: 2 })).read(), { passphrase: 'typed by hand' });
});
