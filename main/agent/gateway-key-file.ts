/** Stores the secret of this machine's own key for the gateway in a file that only its owner can read. */
import { readFileSync } from 'node:fs';
import type { OwnKeyFile } from '../core/gateway-keys/index.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

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
    write: (secret) => replacePrivateFile(path, `${secret}\n`),
  };
}
