/** The wallet's key file in the home folder: opened, or made once and never again. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { KeyTools, WalletAccounts } from '../../ports/wallet.ts';

const KEYSTORE_FILE = 'wallet.json';
/** Says that there was a wallet here, and which: a missing key file is then a loss to be told, not a first start. */
const MARKER_FILE = 'wallet-address.json';
const PASSPHRASE_FILE = 'practice-passphrase';

const OWNER_ONLY = 0o600;

export interface OpenWalletOptions {
  /** Where key file and marker lie. */
  readonly folder: string;
  readonly passphrase: string;
  readonly keys: KeyTools;
  /** Make a wallet when there has never been one here. */
  readonly createIfAbsent: boolean;
}

export interface OpenedWallet {
  readonly accounts: WalletAccounts;
  /** Made just now. */
  readonly created: boolean;
  /** The key file, for the owner's backup. */
  readonly keystorePath: string;
}

const markerSchema = z.object({ address: z.string().regex(/^0x[0-9a-fA-F]{40}$/) });

/**
 * Fails with `keystore-missing` when there is none (and none may be made, or one was here before),
 * `keystore-locked` for a wrong pass phrase or a damaged file, `home-not-writable`.
 */
export async function openWallet(options: OpenWalletOptions): Promise<OpenedWallet> {
  const keystorePath = join(options.folder, KEYSTORE_FILE);
  const markerPath = join(options.folder, MARKER_FILE);
  const keystore = readIfPresent(keystorePath);
  const marker = readIfPresent(markerPath);
  if (keystore !== null) {
    const accounts = await options.keys.open(keystore, options.passphrase);
    if (marker === null) writeSafely(markerPath, JSON.stringify({ address: accounts.funds.address }));
    else checkMarker(marker, accounts);
    return { accounts, created: false, keystorePath };
  }
  if (marker !== null) {
    throw new AppError(
      'keystore-missing',
      'There was a wallet here and its key file is gone. Restore wallet.json from your backup.',
      { details: { folder: options.folder, address: parseMarker(marker) } },
    );
  }
  if (!options.createIfAbsent) {
    throw new AppError('keystore-missing', 'There is no wallet here yet.', {
      details: { folder: options.folder },
    });
  }
  if (options.passphrase === '') {
    throw new AppError('keystore-locked', 'A wallet needs a pass phrase.');
  }
  createFolder(options.folder);
  const made = await options.keys.create(options.passphrase);
  // The key file first: a marker without it would speak of a wallet that never was.
  writeSafely(keystorePath, made.keystore);
  writeSafely(markerPath, JSON.stringify({ address: made.accounts.funds.address }));
  return { accounts: made.accounts, created: true, keystorePath };
}

/**
 * The practice wallet's pass phrase: a random secret beside it, readable by the owner alone, made at the
 * first call. It keeps the file format honest; it protects nothing of worth.
 */
export function practicePassphrase(folder: string): string {
  const path = join(folder, PASSPHRASE_FILE);
  const kept = readIfPresent(path)?.trim();
  if (kept) return kept;
  createFolder(folder);
  const passphrase = randomBytes(32).toString('base64url');
  writeSafely(path, `${passphrase}\n`);
  return passphrase;
}

/** A pass phrase from a file that the owner named; its line end is not part of it. Fails with `keystore-locked`. */
export function passphraseFromFile(path: string): string {
  const text = readIfPresent(path)?.replace(/\r?\n$/, '');
  if (!text) {
    throw new AppError('keystore-locked', 'The pass phrase file is missing or empty.', { details: { path } });
  }
  return text;
}

function checkMarker(marker: string, accounts: WalletAccounts): void {
  const expected = parseMarker(marker);
  if (expected.toLowerCase() === accounts.funds.address.toLowerCase()) return;
  throw new AppError('keystore-missing', 'The key file belongs to another wallet than the one known here.', {
    details: { expected, found: accounts.funds.address },
  });
}

function parseMarker(text: string): string {
  try {
    return markerSchema.parse(JSON.parse(text)).address;
  } catch (cause) {
    throw new AppError('keystore-missing', `The file ${MARKER_FILE} is damaged.`, { cause });
  }
}

function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new AppError('keystore-locked', 'A file of the wallet cannot be read.', {
      cause: error,
      details: { path },
    });
  }
}

function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AppError('home-not-writable', 'The wallet’s folder cannot be made.', {
      cause,
      details: { folder },
    });
  }
}

/** Whole or not at all, also when the power fails in the middle. */
function writeSafely(path: string, text: string): void {
  const draft = `${path}.new`;
  try {
    const file = openSync(draft, 'w', OWNER_ONLY);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    throw new AppError('home-not-writable', 'A file of the wallet cannot be written.', {
      cause,
      details: { path },
    });
  }
}
