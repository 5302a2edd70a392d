/** Stores the secret of this machine's own key for the gateway in a file that only its owner can read. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { OwnKeyFile } from '../core/gateway-keys/index.ts';
import { asStorageError } from '../ports/storage.ts';

/** Writing replaces the file as a whole, so that a crash leaves the former one. */
export function gatewayKeyFile(path: string): OwnKeyFile {
  return {
    read() {
      try {
        return readFileSync(path, 'utf8').trim();
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
    write(secret) {
      const draft = `${path}.new`;
      try {
        writeFileSync(draft, `${secret}\n`, { mode: 0o600, flush: true });
        renameSync(draft, path);
      } catch (cause) {
        throw asStorageError(cause);
      }
    },
  };
}
