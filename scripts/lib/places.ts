/** Paths that the commands share: the repository, and the cache that survives between runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AGENT_ENTRY } from '../../main/desktop/agent-entry.ts';

export const REPOSITORY = join(import.meta.dirname, '../..');

/** The agent's program as users run it; `buildAll` bundles it. */
export const AGENT_PROGRAM = join(REPOSITORY, AGENT_ENTRY);

/** Folder for downloads that are reused by later runs. `IDLEWATT_CACHE` overrides the system's cache folder. */
export function cacheFolder(): string {
  if (process.env.IDLEWATT_CACHE) return process.env.IDLEWATT_CACHE;
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'idlewatt');
}
