/** The wallet's key file in the home folder: opened, or made once and never again. */
import { randomBytes } from 'node:crypto';
import { AppError } from '../../../shared/errors.ts';
import type { KeyTools, OpenedKeys, SecretKind, WalletAccounts } from '../../ports/wallet.ts';
import { type KeyFolder, openKeyFolder, readIfPresent, type WalletMarker } from './key-folder.ts';

const PRACTICE_PASSPHRASE_FILE = 'practice-passphrase';
const OPERATING_PASSPHRASE_FILE = 'operating-passphrase';

export interface OpenWalletOptions {
  /** Where key file and marker lie. */
  readonly folder: string;
  /** Asked for only where a key file is opened or made. */
  readonly passphrase: string | (() => string);
  readonly keys: KeyTools;
  /** Make a wallet when there has never been one here. */
  readonly createIfAbsent: boolean;
  /** A second memory of which wallet is here, for the case that the whole folder of keys is gone. */
  readonly known?: { get(): string | null; set(address: string): void };
}

export interface OpenedWallet {
  readonly accounts: WalletAccounts;
  readonly kind: SecretKind | 'watch-only';
  /** Made just now. */
  readonly created: boolean;
  /** The key file, for the owner's backup. */
  readonly keystorePath: string;
  /** Where earnings go: the wallet's own address, unless the owner named another. */
  readonly payout: string;
  /** Whether the owner proved to have the backup, asked anew at each call. Watch-only: true. */
  backedUp(): boolean;
}

/**
 * Fails with `keystore-missing` when there is none (and none may be made, or one was here before),
 * `keystore-locked` for a wrong pass phrase or a damaged file, `home-not-writable`.
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
      'There was a wallet here and its key file is gone. Restore wallet.json from your backup, or import your recovery words.',
      { details: { folder: options.folder, address: before } },
    );
  }
  if (folder.payout() !== null) return openWatchOnly(folder, options.keys);
  if (!options.createIfAbsent) {
    throw new AppError('keystore-missing', 'There is no wallet here yet.', {
      details: { folder: options.folder },
    });
  }
  const made = await options.keys.create(required(passphrase()));
  folder.write(made.keystore, { address: made.accounts.funds.address, backedUpAtMs: null });
  known?.set(made.accounts.funds.address);
  return walletOf(folder, made, true);
}

/** Fails with `keystore-locked` where it is empty. */
export function required(passphrase: string): string {
  if (passphrase === '') throw new AppError('keystore-locked', 'A wallet needs a pass phrase.');
  return passphrase;
}

/**
 * The practice wallet's pass phrase: a random secret beside it, readable by the owner alone, made at the
 * first call. It keeps the file format honest; it protects nothing of worth.
 */
export function practicePassphrase(folder: string): string {
  return openKeyFolder(folder).kept(PRACTICE_PASSPHRASE_FILE, randomPassphrase);
}

/** A pass phrase from a file that the owner named; its line end is not part of it. Fails with `keystore-locked`. */
export function passphraseFromFile(path: string): string {
  const text = readIfPresent(path)?.replace(/\r?\n$/, '');
  if (!text) {
    throw new AppError('keystore-locked', 'The pass phrase file is missing or empty.', { details: { path } });
  }
  return text;
}

function walletOf(folder: KeyFolder, { kind, accounts }: OpenedKeys, created: boolean): OpenedWallet {
  return {
    accounts,
    kind,
    created,
    keystorePath: folder.keystorePath,
    payout: folder.payout() ?? accounts.funds.address,
    backedUp: () => (folder.marker()?.backedUpAtMs ?? null) !== null,
  };
}

/**
 * No key that receives anything is on this machine. What signs claims and pays their fees is a key of its own,
 * whose pass phrase lies beside it: it guards a little coin for fees at most.
 */
async function openWatchOnly(folder: KeyFolder, keys: KeyTools): Promise<OpenedWallet> {
  const passphrase = folder.kept(OPERATING_PASSPHRASE_FILE, randomPassphrase);
  const keystore = folder.operatingKey();
  let opened: OpenedKeys;
  if (keystore === null) {
    const made = await keys.create(passphrase);
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
  throw new AppError('keystore-missing', 'The key file belongs to another wallet than the one known here.', {
    details: { expected, found },
  });
}

function randomPassphrase(): string {
  return randomBytes(32).toString('base64url');
}
