/** This machine's own key: the only one whose secret is stored, in a file, which decides. */
import { NO_KEY_LIMITS } from '../../../shared/gateway-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import { hashOf, isSecret, type KeyRecords, newKeyId, newSecret, type StoredKey } from './key-records.ts';

/** The place of this machine's own secret. */
export interface OwnKeyFile {
  /** Null if there is none. */
  read(): string | null;
  /** Durable when it returns. */
  write(secret: string): void;
}

export interface OwnKey {
  secret(): string;
  /** Replaces the secret; the former one is worth nothing. */
  renew(): void;
}

/** Name of this machine's own key in lists of the terminal. */
const NAME = 'default';

/** Makes the secret of the file the one of this machine's own key; a missing or incomplete one is replaced. */
export function openOwnKey(parts: {
  readonly keys: KeyRecords;
  readonly file: OwnKeyFile;
  readonly clock: Clock;
  /** Takes a key out of use. */
  readonly forget: (id: string) => void;
}): OwnKey {
  const { keys, file, clock, forget } = parts;

  /** A replaced file means a replaced key. */
  function replace(secret: string, same: StoredKey | null): void {
    for (const key of keys.all()) if (key.isOwn || key === same) forget(key.id);
    const stored = { secretHash: hashOf(secret), isOwn: true, createdAtMs: clock.now() };
    keys.set({ ...NO_KEY_LIMITS, ...stored, id: newKeyId(), name: NAME });
  }

  const found = file.read();
  let secret = found !== null && isSecret(found) ? found : newSecret();
  if (secret !== found) file.write(secret);
  const known = keys.findBySecret(secret);
  if (known?.isOwn !== true) replace(secret, known);
  return {
    secret: () => secret,
    renew() {
      secret = newSecret();
      // First the file: after a crash, the next start replaces the key that doesn't fit it.
      file.write(secret);
      replace(secret, null);
    },
  };
}
