/** Reads and writes the files of the key folder. Each write is all or nothing, and only the owner can read a file. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { KEYSTORE_FILE } from '../../ports/data-folder.ts';

/** Records the address of the wallet here, so that a missing key file is reported as a loss, not taken for a first start. */
const MARKER_FILE = 'wallet-address.json';
/** Payout address, if it isn't the wallet's own. */
const PAYOUT_FILE = 'payout-address.json';
/** The payout address that an owner set for all machines, as it is in use here. */
const SHARED_PAYOUT_FILE = 'payout-for-all.json';
/** Keys that sign for a watch-only wallet; they receive no money. */
const OPERATING_FILE = 'operating-key.json';

const OWNER_ONLY = 0o600;
const addressSchema = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const markerSchema = z.object({
  address: addressSchema,
  /** Time of the passed backup check; null if there was none. */
  backedUpAtMs: z.number().nullable().default(null),
});
const payoutSchema = z.object({ address: addressSchema });

export type WalletMarker = z.infer<typeof markerSchema>;

/** Calls fail with `keystore-locked` (unreadable), `keystore-missing` (damaged marker) or `home-not-writable`. */
export interface KeyFolder {
  readonly path: string;
  readonly keystorePath: string;
  keystore(): string | null;
  marker(): WalletMarker | null;
  /** Writes the key file first, because a marker without it would record a wallet that never existed. */
  write(keystore: string, marker: WalletMarker): void;
  writeMarker(marker: WalletMarker): void;
  /** Renames the current key file; nothing is ever deleted. */
  setAside(address: string): void;
  payout(): string | null;
  writePayout(address: string | null): void;
  /** The payout address that an owner set for all machines; comes before this machine's own. */
  sharedPayout(): string | null;
  writeSharedPayout(address: string | null): void;
  operatingKey(): string | null;
  writeOperatingKey(keystore: string): void;
  /** Returns the content of the file, which the first call creates with `make`. */
  readOrCreate(file: string, make: () => string): string;
}

export function openKeyFolder(path: string): KeyFolder {
  const at = (file: string) => join(path, file);
  const writeFile = (file: string, text: string): void => {
    createFolder(path);
    writeSafely(at(file), text);
  };
  const folder: KeyFolder = {
    path,
    keystorePath: at(KEYSTORE_FILE),
    keystore: () => readIfPresent(at(KEYSTORE_FILE)),
    marker: () => parse(markerSchema, at(MARKER_FILE)),
    write(keystore, marker) {
      writeFile(KEYSTORE_FILE, keystore);
      folder.writeMarker(marker);
    },
    writeMarker: (marker) => writeFile(MARKER_FILE, JSON.stringify(marker)),
    setAside(address) {
      if (!existsSync(at(KEYSTORE_FILE))) return;
      let name = `wallet-${address}.json`;
      for (let number = 2; existsSync(at(name)); number += 1) name = `wallet-${address}-${number}.json`;
      renameSync(at(KEYSTORE_FILE), at(name));
    },
    payout: () => parse(payoutSchema.nullable(), at(PAYOUT_FILE))?.address ?? null,
    writePayout: (address) => writeFile(PAYOUT_FILE, JSON.stringify(address && { address })),
    sharedPayout: () => parse(payoutSchema.nullable(), at(SHARED_PAYOUT_FILE))?.address ?? null,
    writeSharedPayout: (address) => writeFile(SHARED_PAYOUT_FILE, JSON.stringify(address && { address })),
    operatingKey: () => readIfPresent(at(OPERATING_FILE)),
    writeOperatingKey: (keystore) => writeFile(OPERATING_FILE, keystore),
    readOrCreate(file, make) {
      const found = readIfPresent(at(file))?.trim();
      if (found) return found;
      const made = make();
      writeFile(file, `${made}\n`);
      return made;
    },
  };
  return folder;
}

function parse<T>(schema: z.ZodType<T>, path: string): T | null {
  const text = readIfPresent(path);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError(
      'keystore-missing',
      `The wallet file ${path} is damaged. Restore it from your backup.`,
      {
        cause,
        details: { path },
      },
    );
  }
}

/** Returns null if there is no file. Fails with `keystore-locked` if it is unreadable. */
export function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new AppError('keystore-locked', `Could not read the wallet file ${path}.`, {
      cause: error,
      details: { path },
    });
  }
}

function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AppError('home-not-writable', `Could not create the wallet folder ${folder}.`, {
      cause,
      details: { folder },
    });
  }
}

/** Writes all or nothing, even if the power fails in between. */
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
    throw new AppError('home-not-writable', `Could not write the wallet file ${path}.`, {
      cause,
      details: { path },
    });
  }
}
