/**
 * Verifies: the wallet's key file is created once, opens only with its passphrase, and is never replaced silently.
 * Setup: the wallet with ethers' key files (at a low scrypt cost) in a temporary folder.
 * Fails if: a lost key file becomes a new, empty wallet, a key appears in a log, or others can read the file.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { Wallet } from 'ethers';
import { createKeyTools, verifyTypedData } from '../../../main/adapters/ethers/index.ts';
import { openWallet, passphraseFromFile, practicePassphrase } from '../../../main/core/wallet/index.ts';

const SECRET = 'a secret passphrase';

const root = mkdtempSync(join(tmpdir(), 'idlewatt-wallet-'));
const keys = createKeyTools({ scryptCost: 2 });
let number = 0;

after(() => rmSync(root, { recursive: true }));

function freshFolder(): string {
  number += 1;
  return join(root, String(number));
}

test('creates a wallet once and opens it again with the same three keys', async () => {
  const folder = freshFolder();
  const made = await openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true });
  const opened = await openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true });
  assert.equal(made.created, true);
  assert.equal(opened.created, false);
  const addresses = (wallet: typeof made) => Object.values(wallet.accounts).map((account) => account.address);
  assert.deepEqual(addresses(opened), addresses(made));
  assert.equal(new Set(addresses(made)).size, 3);
  assert.equal(statSync(made.keystorePath).mode & 0o777, 0o600);
});

test('the key file has the standard format, so that other wallets can open it', async () => {
  const folder = freshFolder();
  const { keystorePath, accounts } = await openWallet({
    folder,
    passphrase: SECRET,
    keys,
    createIfAbsent: true,
  });
  const text = readFileSync(keystorePath, 'utf8');
  assert.equal(JSON.parse(text).version, 3);
  assert.equal((await Wallet.fromEncryptedJson(text, SECRET)).address, accounts.funds.address);
});

test('rejects a wrong passphrase or a damaged file, and leaves the file unchanged', async () => {
  const folder = freshFolder();
  const { keystorePath } = await openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true });
  const before = readFileSync(keystorePath, 'utf8');
  const wrong = openWallet({ folder, passphrase: 'guess', keys, createIfAbsent: true });
  await assert.rejects(wrong, (error: Error & { code: string }) => {
    assert.equal(error.code, 'keystore-locked');
    assert.ok(!inspect(error, { depth: 9 }).includes('guess'));
    return true;
  });
  assert.equal(readFileSync(keystorePath, 'utf8'), before);
  writeFileSync(keystorePath, before.slice(0, 100));
  await assert.rejects(openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true }), {
    code: 'keystore-locked',
  });
  assert.equal(readFileSync(keystorePath, 'utf8'), before.slice(0, 100));
});

test('reports a missing file of an earlier wallet and never creates a new one', async () => {
  const folder = freshFolder();
  const { keystorePath, accounts } = await openWallet({
    folder,
    passphrase: SECRET,
    keys,
    createIfAbsent: true,
  });
  renameSync(keystorePath, `${keystorePath}.away`);
  await assert.rejects(openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true }), {
    code: 'keystore-missing',
  });
  renameSync(`${keystorePath}.away`, keystorePath);
  const restored = await openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true });
  assert.equal(restored.accounts.funds.address, accounts.funds.address);
  const { keystore } = await keys.create(SECRET, 'chosen');
  writeFileSync(keystorePath, keystore);
  await assert.rejects(openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: true }), {
    code: 'keystore-missing',
  });
});

test('fails at a first start without a wallet if it may not create one', async () => {
  const folder = freshFolder();
  await assert.rejects(openWallet({ folder, passphrase: SECRET, keys, createIfAbsent: false }), {
    code: 'keystore-missing',
  });
});

test('printing, serializing or listing an account reveals no key', async () => {
  const { accounts } = await openWallet({
    folder: freshFolder(),
    passphrase: SECRET,
    keys,
    createIfAbsent: true,
  });
  assert.deepEqual(JSON.parse(JSON.stringify(accounts.funds)), { address: accounts.funds.address });
  const shown = inspect(accounts, { depth: 9, showHidden: true, getters: true });
  assert.ok(!/0x[0-9a-fA-F]{64}/.test(shown), shown);
});

test('reads passphrases from a file of the owner, or from one created for practice', async () => {
  const folder = freshFolder();
  const made = practicePassphrase(folder);
  assert.equal(practicePassphrase(folder), made);
  assert.equal(statSync(join(folder, 'practice-passphrase')).mode & 0o777, 0o600);
  assert.ok(made.length >= 40);
  const file = join(folder, 'mine');
  writeFileSync(file, 'two words\n');
  assert.equal(passphraseFromFile(file), 'two words');
  assert.equal(statSync(file).mode & 0o777, 0o600, 'other users could read it');
  const shared = join(folder, 'shared');
  symlinkSync(file, shared);
  chmodSync(file, 0o644);
  assert.throws(() => passphraseFromFile(shared), /Other users can read the passphrase file/);
  chmodSync(file, 0o440);
  assert.equal(passphraseFromFile(shared), 'two words');
  assert.throws(() => passphraseFromFile(join(folder, 'none')), { code: 'keystore-locked' });
});

test('a signature of typed data is valid only for its account and its content', async () => {
  const { accounts } = await keys.create('s', 'chosen');
  const { address } = accounts.funds;
  const dataOf = (text: string) => ({
    domain: { name: 'test' },
    types: { Text: [{ name: 'text', type: 'string' }] },
    primaryType: 'Text',
    message: { text },
  });
  const signature = await accounts.funds.signTypedData(dataOf('one text'));
  assert.equal(verifyTypedData(address, dataOf('one text'), signature), true);
  assert.equal(verifyTypedData(address.toLowerCase(), dataOf('one text'), signature), true);
  assert.equal(verifyTypedData(address, dataOf('another'), signature), false);
  assert.equal(verifyTypedData(accounts.gas.address, dataOf('one text'), signature), false);
  assert.equal(verifyTypedData(address, dataOf('one text'), '0x12'), false);
});

test('a key file derives its key slowly from a chosen passphrase and quickly from a random one', async () => {
  const tools = createKeyTools();
  const costOf = (keystore: string) =>
    (JSON.parse(keystore) as { Crypto: { kdfparams: { n: number } } }).Crypto.kdfparams.n;
  const chosen = await tools.create(SECRET, 'chosen');
  const random = await tools.create(SECRET, 'random');
  assert.deepEqual([costOf(chosen.keystore), costOf(random.keystore)], [2 ** 17, 2 ** 12]);
  // An owner chooses the passphrase of an export.
  assert.equal(costOf(await tools.reseal(random.keystore, SECRET, 'another secret')), 2 ** 17);
});
