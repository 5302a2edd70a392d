/** Where the commands find things: the repository, and what is kept between runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const REPOSITORY = join(import.meta.dirname, '..');

/** Downloads that are kept between runs; IDLEWATT_CACHE overrides the system's place for caches. */
export function cacheFolder(): string {
  if (process.env.IDLEWATT_CACHE) return process.env.IDLEWATT_CACHE;
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'idlewatt');
}
