/** The wallet's keys: one secret, three accounts for different purposes. */
import type { Account, Hex } from './evm.ts';

export interface WalletAccounts {
  /** Holds money: pays into channels, receives payouts. */
  readonly funds: Account;
  /** Session key: signs vouchers as payer and claims as receiver; holds no funds. */
  readonly session: Account;
  /** Pays network fees; holds a little coin. */
  readonly gas: Account;
}

/** `phrase`: all three accounts derive from a recovery phrase. `key`: from one private key, which is `funds` itself. */
export type SecretKind = 'phrase' | 'key';

export interface OpenedKeys {
  readonly kind: SecretKind;
  readonly accounts: WalletAccounts;
}

export interface SealedKeys extends OpenedKeys {
  /** A keystore file: Web3 Secret Storage, version 3. */
  readonly keystore: string;
}

/** A secret that the owner imports. */
export type SecretSource =
  | { readonly type: 'phrase'; readonly phrase: string }
  | { readonly type: 'keystore'; readonly keystore: string; readonly passphrase: string }
  | { readonly type: 'key'; readonly key: string };

/**
 * `random`: at least 128 random bits, which nobody can guess however fast they try, so its file opens faster.
 * `chosen`: by a person.
 */
export type PassphraseKind = 'random' | 'chosen';

/**
 * Creates and opens keystore files. Fails with `keystore-locked` for a wrong passphrase, an unreadable file or an
 * unsupported scheme. No message and no cause contains any part of a secret.
 */
export interface KeyTools {
  create(passphrase: string, kind: PassphraseKind): Promise<SealedKeys>;
  open(keystore: string, passphrase: string): Promise<OpenedKeys>;
  /** Also fails with `bad-request`: an invalid phrase (which word, or the checksum) or an invalid key. */
  seal(source: SecretSource, passphrase: string): Promise<SealedKeys>;
  /** The words of the recovery phrase; `unsupported` when the secret is a private key. */
  words(keystore: string, passphrase: string): Promise<readonly string[]>;
  /** The same secret under another passphrase. */
  reseal(keystore: string, passphrase: string, nextPassphrase: string): Promise<string>;
}

/**
 * Parses an address that a person entered; requires the EIP-55 checksum. Fails with `bad-request` for text that is
 * no address, for a wrong or missing checksum (a typing error would go unnoticed), and for the zero address, which
 * destroys money.
 */
export type ReadAddress = (text: string) => Hex;
