/** Keystore files in the Web3 Secret Storage format, version 3 (scrypt), which other wallets can open. */
import { scrypt as nodeScrypt, randomBytes } from 'node:crypto';
import {
  decryptKeystoreJson,
  encryptKeystoreJson,
  HDNodeWallet,
  type KeystoreAccount,
  LangEn,
  Mnemonic,
  SigningKey,
  scrypt,
  Wallet,
} from 'ethers';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type {
  KeyTools,
  PassphraseKind,
  SealedKeys,
  SecretSource,
  WalletAccounts,
} from '../../ports/wallet.ts';
import { createAccount } from './account.ts';

/** The two usual costs of Web3 Secret Storage; the second takes a thirty-second of the work of the first. */
const SCRYPT_N: Readonly<Record<PassphraseKind, number>> = { chosen: 2 ** 17, random: 2 ** 12 };
/** Also prevents a foreign file from claiming all of the machine's memory. */
const SCRYPT_MEMORY_MAX_BYTES = 512 * 2 ** 20;
const WORD_COUNTS: readonly number[] = [12, 15, 18, 21, 24];
/** Of a new wallet: twelve words. */
const ENTROPY_BYTES = 16;

/** BIP-44 for Ethereum. */
const COIN_PATH = "m/44'/60'";
/** Accounts below it: other wallets use the first one. */
const PATHS = { funds: "0'/0/0", session: "1'/0/0", gas: "2'/0/0" } as const;
const FUNDS_PATH = `${COIN_PATH}/${PATHS.funds}`;

/** The unencrypted part of a keystore file. Older files write `Crypto`. */
const schemeSchema = z.object({
  version: z.literal(3),
  crypto: z.object({ cipher: z.literal('aes-128-ctr'), kdf: z.enum(['scrypt', 'pbkdf2']) }),
});

// The platform's scrypt is several times faster than the one in JavaScript.
scrypt.register(
  (password, salt, ...[N, r, p, keyLength]) =>
    new Promise((resolve, reject) => {
      const options = { N, r, p, maxmem: SCRYPT_MEMORY_MAX_BYTES };
      nodeScrypt(password, salt, keyLength, options, (error, key) =>
        error === null ? resolve(`0x${key.toString('hex')}`) : reject(error),
      );
    }),
);

/** Creates, seals and opens the wallet's secret. `scryptCost`, a power of two, replaces the usual ones. */
export function createKeyTools(options: { readonly scryptCost?: number } = {}): KeyTools {
  const lock = (account: KeystoreAccount, passphrase: string, kind: PassphraseKind): Promise<string> =>
    encryptKeystoreJson(account, passphrase, {
      scrypt: { N: options.scryptCost ?? SCRYPT_N[kind], r: 8, p: 1 },
    });

  async function seal(
    account: KeystoreAccount,
    passphrase: string,
    kind: PassphraseKind,
  ): Promise<SealedKeys> {
    return { keystore: await lock(account, passphrase, kind), ...opened(account) };
  }

  return {
    async create(passphrase, kind) {
      return seal(accountOf(Mnemonic.fromEntropy(randomBytes(ENTROPY_BYTES))), passphrase, kind);
    },
    open: async (keystore, passphrase) => opened(await decrypt(keystore, passphrase)),
    seal: async (source, passphrase) => seal(await readSource(source), passphrase, 'chosen'),
    async words(keystore, passphrase) {
      const { mnemonic } = coinOf(await decrypt(keystore, passphrase));
      if (mnemonic === null) {
        throw new AppError(
          'unsupported',
          'This wallet was made from a private key and has no recovery phrase.',
        );
      }
      return mnemonic.phrase.split(' ');
    },
    reseal: async (keystore, passphrase, nextPassphrase) =>
      lock(await decrypt(keystore, passphrase), nextPassphrase, 'chosen'),
  };
}

async function readSource(source: SecretSource): Promise<KeystoreAccount> {
  switch (source.type) {
    case 'phrase':
      return accountOf(readPhrase(source.phrase));
    case 'keystore':
      return decrypt(source.keystore, source.passphrase);
    case 'key':
      return readKey(source.key);
  }
}

function readPhrase(text: string): Mnemonic {
  const words = text.normalize('NFKD').trim().toLowerCase().split(/\s+/);
  if (!WORD_COUNTS.includes(words.length)) {
    throw new AppError('bad-request', `A recovery phrase has 12 to 24 words; this one has ${words.length}.`);
  }
  const list = LangEn.wordlist();
  const unknown = words.findIndex((word) => list.getWordIndex(word) === -1);
  if (unknown !== -1) {
    throw new AppError('bad-request', `Word ${unknown + 1} is not in the word list for recovery phrases.`);
  }
  const phrase = words.join(' ');
  if (!Mnemonic.isValidMnemonic(phrase)) {
    throw new AppError(
      'bad-request',
      'The recovery phrase’s checksum is wrong: a word is wrong, or two words are swapped.',
    );
  }
  return Mnemonic.fromPhrase(phrase);
}

function readKey(text: string): KeystoreAccount {
  const digits = text.trim().replace(/^0x/, '');
  try {
    if (!/^[0-9a-fA-F]{64}$/.test(digits)) throw new RangeError();
    const privateKey = new SigningKey(`0x${digits}`).privateKey;
    return { address: new Wallet(privateKey).address, privateKey };
  } catch {
    // Without a cause, because the library's message quotes the key.
    throw new AppError('bad-request', 'This is not a private key. A private key is 64 hexadecimal digits.');
  }
}

async function decrypt(keystore: string, passphrase: string): Promise<KeystoreAccount> {
  assertScheme(keystore);
  for (const form of formsOf(passphrase)) {
    try {
      return await decryptKeystoreJson(keystore, form);
    } catch (error) {
      if (error instanceof Error && /incorrect password/i.test(error.message)) continue;
      // Without a cause, because the library quotes its arguments in some messages.
      throw new AppError('keystore-locked', 'The keystore file can’t be read.');
    }
  }
  throw new AppError('keystore-locked', 'The passphrase is wrong.');
}

/**
 * Returns the bytes that the passphrase may stand for. The format doesn't define them: ethers normalizes to NFKC, geth
 * takes the text as it was typed, which some systems deliver as NFC and others as NFD.
 */
function formsOf(passphrase: string): Uint8Array[] {
  const texts = [
    passphrase.normalize('NFKC'),
    passphrase,
    passphrase.normalize('NFC'),
    passphrase.normalize('NFD'),
  ];
  return [...new Set(texts)].map((text) => Buffer.from(text));
}

function assertScheme(keystore: string): void {
  let file: unknown;
  try {
    file = JSON.parse(keystore);
  } catch {
    throw new AppError('keystore-locked', 'The keystore file can’t be read: it is not JSON.');
  }
  const lowered =
    typeof file === 'object' && file !== null && 'Crypto' in file ? { ...file, crypto: file.Crypto } : file;
  if (!schemeSchema.safeParse(lowered).success) {
    throw new AppError(
      'keystore-locked',
      'Unsupported keystore file. Use keystore version 3 with aes-128-ctr and scrypt or pbkdf2.',
    );
  }
}

function accountOf(mnemonic: Mnemonic): KeystoreAccount {
  const first = HDNodeWallet.fromMnemonic(mnemonic, FUNDS_PATH);
  return {
    address: first.address,
    privateKey: first.privateKey,
    mnemonic: { entropy: mnemonic.entropy, path: FUNDS_PATH, locale: 'en' },
  };
}

/**
 * The node above the wallet's accounts. One from a private key has no mnemonic; neither has a phrase whose first account
 * differs (a foreign file's own path): it counts as a private key.
 */
function coinOf(account: KeystoreAccount): { mnemonic: Mnemonic | null; coin: HDNodeWallet } {
  if (account.mnemonic !== undefined) {
    const mnemonic = Mnemonic.fromEntropy(account.mnemonic.entropy);
    const coin = HDNodeWallet.fromMnemonic(mnemonic, COIN_PATH);
    if (coin.derivePath(PATHS.funds).address === account.address) return { mnemonic, coin };
  }
  return { mnemonic: null, coin: HDNodeWallet.fromSeed(account.privateKey).derivePath(COIN_PATH) };
}

function opened(account: KeystoreAccount): { kind: 'phrase' | 'key'; accounts: WalletAccounts } {
  const { mnemonic, coin } = coinOf(account);
  const at = (path: string) => createAccount(coin.derivePath(path).privateKey);
  return {
    kind: mnemonic === null ? 'key' : 'phrase',
    accounts: {
      funds: createAccount(account.privateKey),
      session: at(PATHS.session),
      gas: at(PATHS.gas),
    },
  };
}
