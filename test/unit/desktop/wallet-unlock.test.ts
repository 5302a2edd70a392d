// Verifies: a typed passphrase is stored by a keychain once it has worked, and without one is remembered in this process
//   only; a wrong one is forgotten; practice needs none.
// Setup: a store in memory, with and without a keychain.
// Fails if: a passphrase is written without a keychain, asked for again after the agent restarts, or kept although wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PassphraseSource, WalletSecret } from '../../../main/desktop/wallet-secret.ts';
import { WalletUnlock } from '../../../main/desktop/wallet-unlock.ts';

function unlock(options: { hasKeychain: boolean; source?: PassphraseSource }) {
  const kept: string[] = [];
  const wallet = new WalletUnlock({
    source: () => options.source ?? 'keychain',
    store: {
      read: (): WalletSecret =>
        options.hasKeychain ? { passphrase: kept.at(-1) ?? 'made' } : { refused: 'no-keychain' },
      keepsSecrets: () => options.hasKeychain,
      keep: (passphrase) => kept.push(passphrase),
    },
  });
  return { wallet, kept };
}

test('without a keychain the passphrase is asked for once per run, and nothing is written', async () => {
  const { wallet, kept } = unlock({ hasKeychain: false });
  assert.deepEqual(wallet.forStart(), { refused: 'no-keychain' });
  assert.ok(wallet.canFix('keystore-locked'));
  wallet.type('several random words');
  assert.deepEqual(wallet.forStart(), { passphrase: 'several random words' });
  wallet.accepted('/data');
  assert.deepEqual(wallet.forStart(), { passphrase: 'several random words' });
  assert.equal(await wallet.find(), 'several random words');
  assert.deepEqual(kept, []);
});

test('a wrong passphrase is forgotten, also a remembered one; another failure keeps it', () => {
  const { wallet } = unlock({ hasKeychain: false });
  wallet.type('several random words');
  wallet.accepted('/data');
  wallet.rejected('disk-full');
  assert.deepEqual(wallet.forStart(), { passphrase: 'several random words' });
  wallet.rejected('keystore-locked');
  assert.deepEqual(wallet.forStart(), { refused: 'no-keychain' });
});

test('a keychain stores a typed passphrase once it has worked', () => {
  const { wallet, kept } = unlock({ hasKeychain: true });
  wallet.type('typed');
  assert.deepEqual(kept, []);
  wallet.accepted('/data');
  assert.deepEqual(kept, ['typed']);
  assert.deepEqual(wallet.forStart(), { passphrase: 'typed' });
});

test('practice and a passphrase file need none from here', () => {
  for (const source of ['practice', { file: '/secret' }] as const) {
    assert.deepEqual(unlock({ hasKeychain: false, source }).wallet.forStart(), { passphrase: null });
  }
});
