/**
 * The wallet's pass phrase where the money is real: made once at random, kept encrypted by the system's
 * keychain, and never made anew by itself. Practice money needs none.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What is used of Electron's `safeStorage`. */
export interface Keychain {
  isEncryptionAvailable(): boolean;
  /** Linux only. `basic_text` encrypts with a key that everybody knows. */
  getSelectedStorageBackend(): string;
  encryptString(text: string): Buffer;
  decryptString(encrypted: Buffer): string;
}

export type WalletSecret =
  | { readonly passphrase: string }
  /** `no-keychain`: nothing here keeps a secret; `unreadable`: what was kept cannot be opened. */
  | { readonly refused: 'no-keychain' | 'unreadable' };

/**
 * Where the pass phrase comes from. Practice money has one of its own beside its key file, and an owner's own
 * file is taken as it is.
 */
export type PassphraseSource = 'keychain' | 'practice' | { readonly file: string };

export interface WalletSecretStore {
  /** The pass phrase that is kept; the first time a new one, kept before it is given out. */
  read(): WalletSecret;
  /** Keeps one that the owner typed, once it has opened the wallet. */
  keep(passphrase: string): void;
}

const OWNER_ONLY = 0o600;
/** Where the agent keeps the practice wallet's. */
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
        // The keychain's own message may say what it read, so it is not passed on.
        return { refused: 'unreadable' };
      }
      const passphrase = randomBytes(32).toString('base64url');
      keep(passphrase);
      return { passphrase };
    },
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

/** What opens the key file of the agent that runs now; null when it is not known here. */
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
