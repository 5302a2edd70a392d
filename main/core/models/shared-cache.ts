/** Cache of verified model files shared by several data folders, so that tests and demos download nothing twice. */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFile, type Expected, stampFile } from './verified-file.ts';

export interface SharedCache {
  /** Puts the cached file at `path` if it is as expected. Returns whether it did. */
  take(path: string, fileName: string, expected: Expected, signal: AbortSignal): Promise<boolean>;
  /** Adds a verified file. Never fails, because the cache only saves a later download. */
  offer(path: string, fileName: string, sha256: string): Promise<void>;
}

export function createSharedCache(folder: string | null): SharedCache {
  return {
    async take(path, fileName, expected, signal) {
      // Without a known checksum a cached file cannot be verified.
      if (folder === null || expected.sha256 === null) return false;
      const shared = join(folder, fileName);
      if ((await checkFile(shared, expected, { trustStamp: true, signal })) === null) return false;
      await linkOrCopy(shared, path);
      return true;
    },
    async offer(path, fileName, sha256) {
      if (folder === null) return;
      const shared = join(folder, fileName);
      try {
        await mkdir(folder, { recursive: true });
        await linkOrCopy(path, shared);
        await stampFile(shared, sha256);
      } catch {
        // The folder is read-only or full: the download is complete without the cache.
      }
    },
  };
}

/**
 * Creates a hard link, which takes no space, or a copy on another disk or file system. The final rename is atomic, so
 * that other processes never see an incomplete file and never write into a mapped one.
 */
async function linkOrCopy(from: string, to: string): Promise<void> {
  const fresh = `${to}.${randomUUID()}`;
  try {
    await link(from, fresh).catch(() => copyFile(from, fresh));
    await rename(fresh, to);
  } finally {
    // Still there if both names already were the same file, or if something failed.
    await rm(fresh, { force: true });
  }
}
