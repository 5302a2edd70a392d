/** Opens the wallet's key file in the data folder, or creates it once and never again. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import { PASSPHRASE_LENGTH_MIN, passphraseWeakness } from '../../../shared/passphrase.ts';
import { makeFilePrivate } from '../../ports/private-files.ts';
import type { KeyTools, OpenedKeys, PassphraseKind, SecretKind, WalletAccounts } from '../../ports/wallet.ts';
import { type KeyFolder, openKeyFolder, readIfPresent, type WalletMarker } from './key-folder.ts';

const PRACTICE_PASSPHRASE_FILE = 'practice-passphrase';
const OPERATING_PASSPHRASE_FILE = 'operating-passphrase';

export interface OpenWalletOptions {
  /** Folder of key file and marker. */
  readonly folder: string;
  /** The passphrase, or a function that is called only if a key file is opened or created. */
  readonly passphrase: string | (() => string);
  /** Of a key file that is created; `chosen` unless told otherwise. */
  readonly passphraseKind?: PassphraseKind;
  readonly keys: KeyTools;
  /** Create a wallet if there has never been one here. */
  readonly createIfAbsent: boolean;
  /** Second record of this wallet's address, in case the whole key folder is lost. */
  readonly known?: { get(): string | null; set(address: string): void };
}

export interface OpenedWallet {
  readonly accounts: WalletAccounts;
  readonly kind: SecretKind | 'watch-only';
  /** True if the wallet was created by this call. */
  readonly created: boolean;
  /** The key file, for the owner's backup. */
  readonly keystorePath: string;
  /** Payout address: the wallet's own, unless the owner set another, here or for all machines. */
  readonly payout: string;
  /** True if the owner has verified the backup; reads the current state. Always true for watch-only. */
  backedUp(): boolean;
}

/**
 * Fails with `keystore-missing` if there is no key file (and none may be created, or there was one before), with
 * `keystore-locked` for a wrong passphrase or a damaged file, and with `home-not-writable`.
 */
export async function openWallet(options: OpenWalletOptions): Promise<OpenedWallet> {
  const folder = openKeyFolder(options.folder);
  const { known } = options;
  const passphrase = () =>
    typeof options.passphrase === 'string' ? options.passphrase : options.passphrase();
  const keystore = folder.keystore();
  const marker = folder.marker();
  if (keystore !== null) {
    const opened = await options.keys.open(keystore, passphrase());
    const { address } = opened.accounts.funds;
    if (marker === null) folder.writeMarker({ address, backedUpAtMs: null });
    else checkMarker(marker, address);
    known?.set(address);
    return walletOf(folder, opened, false);
  }
  const before = marker?.address ?? known?.get() ?? null;
  if (before !== null) {
    throw new AppError(
      'keystore-missing',
      'This wallet’s key file is missing. No new wallet was created. Restore wallet.json from your backup, or import your recovery phrase.',
      { details: { folder: options.folder, address: before } },
    );
  }
  if (folder.payout() !== null) return openWatchOnly(folder, options.keys);
  if (!options.createIfAbsent) {
    throw new AppError('keystore-missing', `No wallet found in ${options.folder}.`, {
      details: { folder: options.folder },
    });
  }
  const made = await options.keys.create(strong(passphrase()), options.passphraseKind ?? 'chosen');
  folder.write(made.keystore, { address: made.accounts.funds.address, backedUpAtMs: null });
  known?.set(made.accounts.funds.address);
  return walletOf(folder, made, true);
}

/** Returns a new passphrase. Fails with `keystore-locked` if it is empty and with `bad-request` if it is weak. */
export function strong(passphrase: string): string {
  if (passphrase === '') throw new AppError('keystore-locked', 'The passphrase must not be empty.');
  const weakness = passphraseWeakness(passphrase);
  if (weakness !== null) {
    throw new AppError(
      'bad-request',
      `The new passphrase is too weak. Nothing was changed. Use at least ${PASSPHRASE_LENGTH_MIN} characters, ` +
        'for example several random words.',
      { details: { weakness } },
    );
  }
  return passphrase;
}

/**
 * Returns the practice wallet's passphrase: a random secret next to the wallet that only its owner can read, created at
 * the first call. It lets the practice wallet use the same file format; it protects nothing of value.
 */
export function practicePassphrase(folder: string): string {
  return openKeyFolder(folder).readOrCreate(PRACTICE_PASSPHRASE_FILE, randomPassphrase);
}

/**
 * Reads a passphrase from the owner's file, without its line end. Takes the rights of other users on the file, or fails
 * with `keystore-locked` if that isn't possible. Also fails with it if there is no passphrase.
 */
export function passphraseFromFile(path: string): string {
  if (existsSync(path) && makeFilePrivate(path) === 'foreign') {
    throw new AppError(
      'keystore-locked',
      `Other users can read the passphrase file ${path}. Make it readable only for the user that runs Idlewatt.`,
      { details: { path } },
    );
  }
  const text = readIfPresent(path)?.replace(/\r?\n$/, '');
  if (!text) {
    throw new AppError('keystore-locked', `The passphrase file ${path} is missing or empty.`, {
      details: { path },
    });
  }
  return text;
}

function walletOf(folder: KeyFolder, { kind, accounts }: OpenedKeys, created: boolean): OpenedWallet {
  return {
    accounts,
    kind,
    created,
    keystorePath: folder.keystorePath,
    payout: folder.sharedPayout() ?? folder.payout() ?? accounts.funds.address,
    backedUp: () => (folder.marker()?.backedUpAtMs ?? null) !== null,
  };
}

/**
 * Opens a watch-only wallet: no key that receives money is on this machine. A separate key signs claims and pays their
 * fees. Its passphrase is stored next to it, because it protects only a little coin for fees.
 */
async function openWatchOnly(folder: KeyFolder, keys: KeyTools): Promise<OpenedWallet> {
  const passphrase = folder.readOrCreate(OPERATING_PASSPHRASE_FILE, randomPassphrase);
  const keystore = folder.operatingKey();
  let opened: OpenedKeys;
  if (keystore === null) {
    const made = await keys.create(passphrase, 'random');
    folder.writeOperatingKey(made.keystore);
    opened = made;
  } else {
    opened = await keys.open(keystore, passphrase);
  }
  return { ...walletOf(folder, opened, false), kind: 'watch-only', backedUp: () => true };
}

function checkMarker(marker: WalletMarker, found: string): void {
  const expected = marker.address;
  if (expected.toLowerCase() === found.toLowerCase()) return;
  throw new AppError(
    'keystore-missing',
    'The key file belongs to another wallet. Restore the key file of this one from your backup.',
    {
      details: { expected, found },
    },
  );
}

function randomPassphrase(): string {
  return randomBytes(32).toString('base64url');
}
