/** The wallet's keys: one secret, three accounts with different jobs. */
import type { Account, Hex } from './evm.ts';

export interface WalletAccounts {
  /** Holds money: pays into channels, receives payouts. */
  readonly funds: Account;
  /** Signs vouchers as payer and claims as receiver; holds nothing. */
  readonly session: Account;
  /** Pays network fees; holds a little coin. */
  readonly gas: Account;
}

/** `phrase`: all three come from recovery words. `key`: from one private key, which is `funds` itself. */
export type SecretKind = 'phrase' | 'key';

export interface OpenedKeys {
  readonly kind: SecretKind;
  readonly accounts: WalletAccounts;
}

export interface SealedKeys extends OpenedKeys {
  /** A key file: Web3 Secret Storage, version 3. */
  readonly keystore: string;
}

/** A secret that the owner brings along. */
export type SecretSource =
  | { readonly type: 'phrase'; readonly phrase: string }
  | { readonly type: 'keystore'; readonly keystore: string; readonly passphrase: string }
  | { readonly type: 'key'; readonly key: string };

/**
 * Makes and opens key files. Fails with `keystore-locked` for a wrong pass phrase, or a file that cannot be
 * read or is of another scheme. No message and no cause holds any part of a secret.
 */
export interface KeyTools {
  create(passphrase: string): Promise<SealedKeys>;
  open(keystore: string, passphrase: string): Promise<OpenedKeys>;
  /** Also `bad-request`: words that are no phrase (which word, or the checksum), a key that is none. */
  seal(source: SecretSource, passphrase: string): Promise<SealedKeys>;
  /** The recovery words; `unsupported` where the secret is a private key. */
  words(keystore: string, passphrase: string): Promise<readonly string[]>;
  /** The same secret under another pass phrase. */
  reseal(keystore: string, passphrase: string, nextPassphrase: string): Promise<string>;
}

/**
 * An address as people give it, with EIP-55's checksum. `bad-request` where it is none, where the checksum is
 * wrong or missing (then nothing tells a slip of the finger), and for the zero address, which burns money.
 */
export type ReadAddress = (text: string) => Hex;
