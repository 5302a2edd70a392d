/** Paths that the commands share: the repository, and the cache that survives between runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const REPOSITORY = join(import.meta.dirname, '../..');

/** Folder for downloads that are reused by later runs. `IDLEWATT_CACHE` overrides the system's cache folder. */
export function cacheFolder(): string {
  if (process.env.IDLEWATT_CACHE) return process.env.IDLEWATT_CACHE;
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'idlewatt');
}
