/**
 * Verifies: secrets are imported and exported completely, invalid ones are rejected with a reason that contains no part
 * of them, and a wallet counts as backed up only after its owner entered the words.
 * Setup: ethers' key files (at a low scrypt cost) in temporary folders; a manual clock.
 * Fails if: a phrase with a swapped word becomes another wallet, a lost key folder becomes a new wallet, a guess passes
 * the backup check, or the payout address changes while payouts are pending.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { encryptKeystoreJson, HDNodeWallet, Wallet } from 'ethers';
import fc from 'fast-check';
import { createKeyTools, readAddress } from '../../../main/adapters/ethers/index.ts';
import { createSecrets, openWallet } from '../../../main/core/wallet/index.ts';
import type { AppError } from '../../../shared/errors.ts';
import { formatUnits, parseUnits } from '../../../shared/money.ts';
import { manualClock } from '../../fakes/clock.ts';

// BIP-39's own test vector.
const PHRASE = 'legal winner thank year wave sausage worth useful legal winner thank yellow';
const PASSPHRASE = 'a passphrase of the test';
const NEXT = 'the next passphrase';
const ANOTHER = 'another passphrase';

const root = mkdtempSync(join(tmpdir(), 'idlewatt-secrets-'));
const keys = createKeyTools({ scryptCost: 2 });
let number = 0;

after(() => rmSync(root, { recursive: true }));

function setUp(owed = false) {
  number += 1;
  const folder = join(root, String(number));
  const clock = manualClock(1_700_000_000_000);
  let known: string | null = null;
  const memory = {
    get: () => known,
    set(address: string) {
      known = address;
    },
  };
  const state = { owed };
  const secrets = createSecrets({
    folder,
    keys,
    readAddress,
    clock,
    isOwed: () => state.owed,
    known: memory,
  });
  const start = (passphrase = PASSPHRASE, createIfAbsent = true) =>
    openWallet({ folder, passphrase, keys, createIfAbsent, known: memory });
  return { folder, clock, secrets, start, state };
}

/** Asserts code and message of the error, and that neither message nor cause contains any of the secrets. */
async function assertFails(run: Promise<unknown>, code: string, message: RegExp, secrets: string[] = []) {
  await assert.rejects(run, (error: AppError) => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    const whole = inspect(error, { depth: 9 });
    for (const secret of secrets) assert.ok(!whole.includes(secret), 'the error contains a secret');
    return true;
  });
}

test('a weak passphrase protects no wallet: nothing is created, imported or exported', async () => {
  for (const weak of ['hunter2', 'aaaaaaaaaaaaaaaa', '123456789012']) {
    const { folder, secrets, start } = setUp();
    await assertFails(start(weak), 'bad-request', /too weak/, [weak]);
    await assertFails(
      secrets.importWallet({ type: 'phrase', phrase: PHRASE }, weak),
      'bad-request',
      /too weak.*Nothing was changed/,
      [weak],
    );
    assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
    await start();
    await assertFails(secrets.exportKeystore(PASSPHRASE, weak), 'bad-request', /too weak/, [weak]);
  }
});

test('an imported phrase opens the same wallet, and the previous keystore file still exists', async () => {
  const { folder, secrets, start } = setUp();
  const first = await start();
  const { address, kind } = await secrets.importWallet(
    { type: 'phrase', phrase: ` ${PHRASE.toUpperCase()}\n` },
    NEXT,
  );
  assert.equal(kind, 'phrase');
  assert.equal(address, HDNodeWallet.fromPhrase(PHRASE).address);
  const second = await start(NEXT);
  assert.equal(second.accounts.funds.address, address);
  assert.equal(second.backedUp(), true);
  const aside = `wallet-${first.accounts.funds.address}.json`;
  assert.ok(readdirSync(folder).includes(aside));
  const { accounts } = await keys.open(readFileSync(join(folder, aside), 'utf8'), PASSPHRASE);
  assert.equal(accounts.funds.address, first.accounts.funds.address);
  assert.deepEqual(await secrets.revealPhrase(NEXT), PHRASE.split(' '));
});

test('rejects a phrase with a wrong checksum, an unknown word or a wrong length, and changes nothing', async () => {
  const { secrets, start } = setUp();
  const before = await start();
  const swapped = PHRASE.replace('winner thank year', 'thank winner year');
  const bring = (phrase: string) => secrets.importWallet({ type: 'phrase', phrase }, NEXT);
  await assertFails(bring(swapped), 'bad-request', /checksum is wrong/, ['sausage', 'winner']);
  await assertFails(bring(PHRASE.replace('wave', 'wvae')), 'bad-request', /Word 5 is not/, [
    'wvae',
    'sausage',
  ]);
  await assertFails(bring('legal winner thank'), 'bad-request', /has 3/, ['winner']);
  assert.equal((await start()).accounts.funds.address, before.accounts.funds.address);
});

test('imports a private key as a wallet of that kind, and rejects text that isn’t a key', async () => {
  const { secrets, start } = setUp();
  const { privateKey, address } = Wallet.createRandom();
  const bring = (key: string) => secrets.importWallet({ type: 'key', key }, NEXT);
  assert.deepEqual(await bring(privateKey.slice(2)), { address, kind: 'key' });
  const wallet = await start(NEXT);
  assert.equal(wallet.kind, 'key');
  assert.equal(new Set(Object.values(wallet.accounts).map((account) => account.address)).size, 3);
  assert.deepEqual((await start(NEXT)).accounts.gas.address, wallet.accounts.gas.address);
  await assertFails(secrets.revealPhrase(NEXT), 'unsupported', /no recovery phrase/, [privateKey.slice(2)]);
  for (const bad of [privateKey.slice(0, -1), `0x${'0'.repeat(64)}`, 'f'.repeat(64)]) {
    await assertFails(bring(bad), 'bad-request', /not a private key/, [bad.slice(2)]);
  }
});

test('imports keystore files of version 3; distinguishes other schemes from wrong passphrases', async () => {
  const { secrets, start } = setUp();
  const foreign = Wallet.createRandom();
  const light = { scrypt: { N: 2, r: 8, p: 1 } };
  const file = await encryptKeystoreJson(
    { address: foreign.address, privateKey: foreign.privateKey },
    'theirs',
    light,
  );
  const bring = (keystore: string, passphrase = 'theirs') =>
    secrets.importWallet({ type: 'keystore', keystore, passphrase }, NEXT);
  await assertFails(bring(file, 'guess'), 'keystore-locked', /passphrase is wrong/, ['guess']);
  const changed = (change: (file: Record<string, never>) => unknown) =>
    JSON.stringify(change(JSON.parse(file) as Record<string, never>));
  const other = /Unsupported keystore file/;
  await assertFails(bring(changed((one) => ({ ...one, version: 1 }))), 'keystore-locked', other);
  const crypto = (part: object) => (one: Record<string, never>) => ({
    ...one,
    Crypto: Object.assign({}, one.Crypto ?? one.crypto, part),
  });
  await assertFails(bring(changed(crypto({ kdf: 'argon2id' }))), 'keystore-locked', other);
  await assertFails(bring(changed(crypto({ cipher: 'aes-256-gcm' }))), 'keystore-locked', other);
  await assertFails(bring('{"encrypted":'), 'keystore-locked', /not JSON/);
  const huge = crypto({ kdfparams: { n: 2 ** 26, r: 8, p: 1, dklen: 32, salt: 'ab'.repeat(32) } });
  await assertFails(bring(changed(huge)), 'keystore-locked', /can’t be read/);
  assert.deepEqual(await bring(file), { address: foreign.address, kind: 'key' });
  assert.equal((await start(NEXT)).accounts.funds.address, foreign.address);
});

test('opens foreign keystore files whose passphrase was not normalized', async () => {
  const foreign = Wallet.createRandom();
  const light = { scrypt: { N: 2, r: 8, p: 1 } };
  const keys = { address: foreign.address, privateKey: foreign.privateKey };
  for (const passphrase of ['ﬁancé', 'e\u0301te\u0301', 'ｆｕｌｌ', '①', 'plain']) {
    for (const sealedWith of [passphrase, Buffer.from(passphrase)]) {
      const { secrets } = setUp();
      const keystore = await encryptKeystoreJson(keys, sealedWith, light);
      const source = { type: 'keystore', keystore, passphrase } as const;
      assert.equal((await secrets.importWallet(source, NEXT)).address, foreign.address, passphrase);
      const guess = secrets.importWallet({ ...source, passphrase: `${passphrase}x` }, NEXT);
      await assertFails(guess, 'keystore-locked', /passphrase is wrong/, [passphrase]);
    }
  }
});

test('an exported keystore opens elsewhere with its own passphrase and contains the recovery phrase', async () => {
  const { secrets, start } = setUp();
  const { accounts } = await start();
  const exported = await secrets.exportKeystore(PASSPHRASE, ANOTHER);
  assert.equal((await Wallet.fromEncryptedJson(exported, ANOTHER)).address, accounts.funds.address);
  await assertFails(keys.open(exported, PASSPHRASE), 'keystore-locked', /wrong/, [PASSPHRASE]);
  await assertFails(secrets.exportKeystore('guess', ANOTHER), 'keystore-locked', /wrong/, ['guess']);
  await assertFails(secrets.exportKeystore(PASSPHRASE, ''), 'keystore-locked', /must not be empty/, [
    PASSPHRASE,
  ]);
  assert.deepEqual(await keys.words(exported, ANOTHER), await secrets.revealPhrase(PASSPHRASE));
});

test('the backup check passes only with the right words, with one attempt each, and in time', async () => {
  const { secrets, start, clock } = setUp();
  const wallet = await start();
  assert.equal(wallet.backedUp(), false);
  const words = await secrets.revealPhrase(PASSPHRASE);
  const right = (positions: readonly number[]) => positions.map((position) => words[position - 1] ?? '');
  const first = await secrets.startDrill(PASSPHRASE);
  assert.equal(new Set(first.positions).size, 3);
  const wrong = right(first.positions).with(1, 'zoo' === words[first.positions[1] ?? 0] ? 'abandon' : 'zoo');
  assert.equal(secrets.answerDrill(first.id, wrong), false);
  assert.throws(() => secrets.answerDrill(first.id, right(first.positions)), { code: 'not-found' });
  const late = await secrets.startDrill(PASSPHRASE);
  clock.advance(600_001);
  assert.throws(() => secrets.answerDrill(late.id, right(late.positions)), { code: 'not-found' });
  const short = await secrets.startDrill(PASSPHRASE);
  assert.equal(secrets.answerDrill(short.id, []), false);
  assert.equal(wallet.backedUp(), false);
  const good = await secrets.startDrill(PASSPHRASE);
  const typed = right(good.positions).map((word) => ` ${word.toUpperCase()} `);
  assert.equal(secrets.answerDrill(good.id, typed), true);
  assert.equal(wallet.backedUp(), true, 'is valid immediately');
  assert.equal((await start()).backedUp(), true, 'and after a restart');
});

test('a lost key folder or a damaged file is reported and never becomes a new wallet', async () => {
  const { folder, start, secrets } = setUp();
  await start();
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  await assertFails(start(), 'keystore-missing', /Restore wallet.json/);
  assert.deepEqual(readdirSync(folder), [], 'nothing was created');
  await secrets.importWallet({ type: 'phrase', phrase: PHRASE }, NEXT);
  assert.equal((await start(NEXT)).accounts.funds.address, HDNodeWallet.fromPhrase(PHRASE).address);
  writeFileSync(join(folder, 'wallet.json'), '');
  await assertFails(start(NEXT), 'keystore-locked', /not JSON/);
  assert.equal(readFileSync(join(folder, 'wallet.json'), 'utf8'), '');
});

test('with only a payout address, the wallet is watch-only and needs no passphrase', async () => {
  const { folder, secrets, start } = setUp();
  const { address } = Wallet.createRandom();
  secrets.setPayoutAddress(address);
  const wallet = await start('', false);
  assert.deepEqual([wallet.kind, wallet.payout, wallet.backedUp()], ['watch-only', address, true]);
  assert.notEqual(wallet.accounts.funds.address, address);
  const again = await start('', false);
  assert.equal(again.accounts.session.address, wallet.accounts.session.address);
  assert.ok(!readdirSync(folder).includes('wallet.json'));
  for (const file of readdirSync(folder))
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  await assertFails(secrets.revealPhrase('any'), 'keystore-missing', /No key file/);
});

test('payout address and wallet change only without pending payouts', async () => {
  const { secrets, start, state } = setUp();
  const { accounts } = await start();
  const { address } = Wallet.createRandom();
  state.owed = true;
  assert.throws(() => secrets.setPayoutAddress(address), { code: 'busy' });
  await assertFails(
    secrets.importWallet({ type: 'phrase', phrase: PHRASE }, NEXT),
    'busy',
    /pending payouts/,
    ['sausage'],
  );
  state.owed = false;
  assert.throws(() => secrets.setPayoutAddress(address.toLowerCase()), { code: 'bad-request' });
  secrets.setPayoutAddress(address);
  assert.equal((await start()).payout, address);
  secrets.setPayoutAddress(null);
  assert.equal((await start()).payout, accounts.funds.address);
});

test('amounts survive a round trip through text exactly; too many decimals are rejected', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.integer({ min: 0, max: 18 }),
      (value, decimals) => {
        assert.equal(parseUnits(formatUnits(value, decimals), decimals), value);
      },
    ),
  );
  assert.throws(() => parseUnits('1.0000001', 6), {
    code: 'bad-request',
    message: /too many decimals: at most 6/,
  });
  for (const bad of ['', '1,5', '-1', '1e3', '.5', '1.', '0x10', 'all']) {
    assert.throws(() => parseUnits(bad, 6), { code: 'bad-request' }, bad);
  }
});
