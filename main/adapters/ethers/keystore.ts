/** Key files in the Web3 Secret Storage format, version 3 (scrypt), readable by other wallets too. */
import { scrypt as nodeScrypt } from 'node:crypto';
import { decryptKeystoreJson, encryptKeystoreJson, HDNodeWallet, Mnemonic, scrypt } from 'ethers';
import { AppError } from '../../../shared/errors.ts';
import type { KeyTools, WalletAccounts } from '../../ports/wallet.ts';
import { createAccount } from './account.ts';

/** Web3 Secret Storage's usual cost; about a quarter of a second. */
const SCRYPT_N = 2 ** 17;
const SCRYPT_MEMORY_MAX_BYTES = 512 * 2 ** 20;

/** BIP-44 accounts: the first is where any other wallet looks. */
const PATHS = {
  funds: "m/44'/60'/0'/0/0",
  session: "m/44'/60'/1'/0/0",
  gas: "m/44'/60'/2'/0/0",
} as const;

// The platform's scrypt is several times faster than the one in JavaScript.
scrypt.register(
  (password, salt, cost, blockSize, parallelization, keyLength) =>
    new Promise((resolve, reject) => {
      const options = {
        N: cost,
        r: blockSize,
        p: parallelization,
        maxmem: SCRYPT_MEMORY_MAX_BYTES,
      };
      nodeScrypt(password, salt, keyLength, options, (error, key) =>
        error === null ? resolve(`0x${key.toString('hex')}`) : reject(error),
      );
    }),
);

/** Makes, locks and opens the wallet's secret (a BIP-39 mnemonic). `scryptCost` is a power of two. */
export function createKeyTools(options: { readonly scryptCost?: number } = {}): KeyTools {
  const cost = options.scryptCost ?? SCRYPT_N;
  return {
    async create(passphrase) {
      const mnemonic = HDNodeWallet.createRandom().mnemonic;
      if (mnemonic === null) throw new Error('a random wallet always has a mnemonic');
      const first = HDNodeWallet.fromMnemonic(mnemonic, PATHS.funds);
      const keystore = await encryptKeystoreJson(
        {
          address: first.address,
          privateKey: first.privateKey,
          mnemonic: { entropy: mnemonic.entropy, path: PATHS.funds, locale: 'en' },
        },
        passphrase,
        { scrypt: { N: cost, r: 8, p: 1 } },
      );
      return { keystore, accounts: derive(mnemonic) };
    },
    async open(keystore, passphrase) {
      const account = await decrypt(keystore, passphrase);
      if (account.mnemonic === undefined) {
        throw new AppError(
          'keystore-locked',
          'The key file holds no recovery words, so it is not one of ours.',
        );
      }
      return derive(Mnemonic.fromEntropy(account.mnemonic.entropy));
    },
  };
}

async function decrypt(keystore: string, passphrase: string) {
  try {
    return await decryptKeystoreJson(keystore, passphrase);
  } catch (error) {
    // The cause is left out on purpose: the library quotes its arguments in some messages.
    const wrong = error instanceof Error && /incorrect password/i.test(error.message);
    throw new AppError(
      'keystore-locked',
      wrong ? 'The pass phrase is wrong.' : 'The key file cannot be read.',
    );
  }
}

function derive(mnemonic: Mnemonic): WalletAccounts {
  const account = (path: string) => createAccount(HDNodeWallet.fromMnemonic(mnemonic, path).privateKey);
  return { funds: account(PATHS.funds), session: account(PATHS.session), gas: account(PATHS.gas) };
}
