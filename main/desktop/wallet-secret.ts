/**
 * The wallet's passphrase where the money is real: generated once, stored encrypted by the system's keychain, and
 * never replaced automatically. Practice money needs none.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The part of Electron's `safeStorage` that is used here. */
export interface Keychain {
  isEncryptionAvailable(): boolean;
  /** Linux only. `basic_text` encrypts with a key that is public. */
  getSelectedStorageBackend(): string;
  encryptString(text: string): Buffer;
  decryptString(encrypted: Buffer): string;
}

export type WalletSecret =
  | { readonly passphrase: string }
  /** `no-keychain`: nothing here stores secrets safely; `unreadable`: the stored one can't be decrypted. */
  | { readonly refused: 'no-keychain' | 'unreadable' };

/**
 * The source of the passphrase. The practice wallet has one of its own next to its keystore, and a file that the owner
 * named is used unchanged.
 */
export type PassphraseSource = 'keychain' | 'practice' | { readonly file: string };

export interface WalletSecretStore {
  /** The stored passphrase. The first time a new one, which is stored before it is returned. */
  read(): WalletSecret;
  /** False where nothing on this system stores secrets safely. */
  keepsSecrets(): boolean;
  /** Stores one that the owner typed, after it opened the wallet. */
  keep(passphrase: string): void;
}

const OWNER_ONLY = 0o600;
/** Path in the data folder of the practice wallet's passphrase, which the agent writes. */
const PRACTICE_PASSPHRASE = 'keys/practice-passphrase';

export function createWalletSecretStore(options: {
  readonly file: string;
  readonly keychain: Keychain;
  readonly platform: NodeJS.Platform;
}): WalletSecretStore {
  const { file, keychain, platform } = options;

  const keep = (passphrase: string) => {
    const draft = `${file}.new`;
    const handle = openSync(draft, 'w', OWNER_ONLY);
    try {
      writeSync(handle, keychain.encryptString(passphrase));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(draft, file);
  };

  return {
    read() {
      if (!keepsSecrets(keychain, platform)) return { refused: 'no-keychain' };
      try {
        const kept = readIfPresent(file);
        if (kept !== null) return { passphrase: keychain.decryptString(kept) };
      } catch {
        // The keychain's own message may contain what it read, so it isn't passed on.
        return { refused: 'unreadable' };
      }
      const passphrase = randomBytes(32).toString('base64url');
      keep(passphrase);
      return { passphrase };
    },
    keepsSecrets: () => keepsSecrets(keychain, platform),
    keep,
  };
}

function keepsSecrets(keychain: Keychain, platform: NodeJS.Platform): boolean {
  if (!keychain.isEncryptionAvailable()) return false;
  if (platform !== 'linux') return true;
  return !['basic_text', 'unknown'].includes(keychain.getSelectedStorageBackend());
}

function readIfPresent(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** The passphrase of the running agent's keystore; null if it isn't known here. */
export async function findPassphrase(
  source: PassphraseSource,
  known: { readonly walletSecret: WalletSecretStore; readonly agentHome: string | null },
): Promise<string | null> {
  if (source === 'keychain') {
    const secret = known.walletSecret.read();
    return 'passphrase' in secret ? secret.passphrase : null;
  }
  if (source === 'practice' && known.agentHome === null) return null;
  const file = source === 'practice' ? join(known.agentHome ?? '', PRACTICE_PASSPHRASE) : source.file;
  return (
    readIfPresent(file)
      ?.toString()
      .replace(/\r?\n$/, '') ?? null
  );
}
