/** Checks a backup without restoring it: unpacks it inside the data folder, reads what it contains, and removes it again. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type HomePaths, homePaths } from '../../ports/data-folder.ts';
import { unpackChecked } from './restore.ts';

const INSPECTED = 'inspecting';

/**
 * Returns when the backup was made, its checksum, and what `read` returns for its database and the one of this data
 * folder. Fails like a restore.
 */
export async function inspectBackup<T extends object>(
  paths: HomePaths,
  from: string,
  parts: {
    /** Throws for a database that can't be used. */
    readonly check: (database: string) => void;
    readonly read: (database: string, here: string) => T;
  },
): Promise<T & { readonly createdAtMs: number; readonly checksum: string }> {
  const folder = join(paths.root, INSPECTED);
  // Left over by a process that was killed.
  rmSync(folder, { recursive: true, force: true });
  try {
    const { createdAtMs, checksum } = await unpackChecked(from, folder, parts.check);
    return { ...parts.read(homePaths(folder).database, paths.database), createdAtMs, checksum };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
