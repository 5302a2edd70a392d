/**
 * Goal: the wallet's file is made once, read by its pass phrase alone, and never silently replaced.
 * Method: the wallet with ethers' key files (at a low cost) in a temporary folder.
 * Would break: a lost key file that becomes a fresh, empty wallet; a key in a log; a file others can read.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { Wallet } from 'ethers';
import { createKeyTools, signedBy } from '../../../main/adapters/ethers/index.ts';
import { openWallet, passphraseFromFile, practicePassphrase } from '../../../main/core/wallet/index.ts';

const root = mkdtempSync(join(tmpdir(), 'idlewatt-wallet-'));
const keys = createKeyTools({ scryptCost: 2 });
let number = 0;

after(() => rmSync(root, { recursive: true }));

function freshFolder(): string {
  number += 1;
  return join(root, String(number));
}

test('a wallet is made once and opens again with the same three keys', async () => {
  const folder = freshFolder();
  const made = await openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true });
  const opened = await openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true });
  assert.equal(made.created, true);
  assert.equal(opened.created, false);
  const addresses = (wallet: typeof made) => Object.values(wallet.accounts).map((account) => account.address);
  assert.deepEqual(addresses(opened), addresses(made));
  assert.equal(new Set(addresses(made)).size, 3);
  assert.equal(statSync(made.keystorePath).mode & 0o777, 0o600);
});

test('the key file is the standard one: another wallet opens it', async () => {
  const folder = freshFolder();
  const { keystorePath, accounts } = await openWallet({
    folder,
    passphrase: 'secret',
    keys,
    createIfAbsent: true,
  });
  const text = readFileSync(keystorePath, 'utf8');
  assert.equal(JSON.parse(text).version, 3);
  assert.equal((await Wallet.fromEncryptedJson(text, 'secret')).address, accounts.funds.address);
});

test('a wrong pass phrase or a damaged file is refused and leaves the file alone', async () => {
  const folder = freshFolder();
  const { keystorePath } = await openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true });
  const before = readFileSync(keystorePath, 'utf8');
  const wrong = openWallet({ folder, passphrase: 'guess', keys, createIfAbsent: true });
  await assert.rejects(wrong, (error: Error & { code: string }) => {
    assert.equal(error.code, 'keystore-locked');
    assert.ok(!inspect(error, { depth: 9 }).includes('guess'));
    return true;
  });
  assert.equal(readFileSync(keystorePath, 'utf8'), before);
  writeFileSync(keystorePath, before.slice(0, 100));
  await assert.rejects(openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true }), {
    code: 'keystore-locked',
  });
  assert.equal(readFileSync(keystorePath, 'utf8'), before.slice(0, 100));
});

test('where a wallet was before, a missing file is a loss and never a new wallet', async () => {
  const folder = freshFolder();
  const { keystorePath, accounts } = await openWallet({
    folder,
    passphrase: 'secret',
    keys,
    createIfAbsent: true,
  });
  renameSync(keystorePath, `${keystorePath}.away`);
  await assert.rejects(openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true }), {
    code: 'keystore-missing',
  });
  renameSync(`${keystorePath}.away`, keystorePath);
  const restored = await openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true });
  assert.equal(restored.accounts.funds.address, accounts.funds.address);
  const { keystore } = await keys.create('secret');
  writeFileSync(keystorePath, keystore);
  await assert.rejects(openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: true }), {
    code: 'keystore-missing',
  });
});

test('without leave to make one, a first start without a wallet says so', async () => {
  const folder = freshFolder();
  await assert.rejects(openWallet({ folder, passphrase: 'secret', keys, createIfAbsent: false }), {
    code: 'keystore-missing',
  });
});

test('no key can be read from an account by printing, serialising or listing it', async () => {
  const { accounts } = await openWallet({
    folder: freshFolder(),
    passphrase: 's',
    keys,
    createIfAbsent: true,
  });
  assert.deepEqual(JSON.parse(JSON.stringify(accounts.funds)), { address: accounts.funds.address });
  const shown = inspect(accounts, { depth: 9, showHidden: true, getters: true });
  assert.ok(!/0x[0-9a-fA-F]{64}/.test(shown), shown);
});

test('pass phrases come from a file of the owner, or one that is made for practice', async () => {
  const folder = freshFolder();
  const made = practicePassphrase(folder);
  assert.equal(practicePassphrase(folder), made);
  assert.equal(statSync(join(folder, 'practice-passphrase')).mode & 0o777, 0o600);
  assert.ok(made.length >= 40);
  const file = join(folder, 'mine');
  writeFileSync(file, 'two words\n');
  assert.equal(passphraseFromFile(file), 'two words');
  assert.throws(() => passphraseFromFile(join(folder, 'none')), { code: 'keystore-locked' });
});

test('what an account signed is its own and nobody else’s, and other text is not signed', async () => {
  const { accounts } = await keys.create('s');
  const { address } = accounts.funds;
  const signature = await accounts.funds.signMessage('one text');
  assert.equal(signedBy(address, 'one text', signature), true);
  assert.equal(signedBy(address.toLowerCase(), 'one text', signature), true);
  assert.equal(signedBy(address, 'another', signature), false);
  assert.equal(signedBy(accounts.gas.address, 'one text', signature), false);
  assert.equal(signedBy(address, 'one text', '0x12'), false);
});
