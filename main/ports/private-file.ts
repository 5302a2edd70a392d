/** Replaces small files that only their owner can read. */
import { renameSync, writeFileSync } from 'node:fs';
import { asStorageError } from './storage.ts';

/**
 * Replaces a file as a whole, so that a crash leaves the former one. Fails with `disk-full` or `disk-unwritable`, and then
 * the former one stays, too.
 */
export function replacePrivateFile(path: string, text: string): void {
  const draft = `${path}.new`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flush: true });
    renameSync(draft, path);
  } catch (cause) {
    throw asStorageError(cause);
  }
}
