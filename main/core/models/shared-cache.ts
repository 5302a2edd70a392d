/** A folder of verified model files that several homes share, so that tests and demos download nothing twice. */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFile, type Expected, stampFile } from './verified-file.ts';

export interface SharedCache {
  /** Puts the shared file at `path` when it is as expected; tells whether it did. */
  take(path: string, fileName: string, expected: Expected, signal: AbortSignal): Promise<boolean>;
  /** Offers a verified file to others. Never fails: the cache only saves a later download. */
  offer(path: string, fileName: string, sha256: string): Promise<void>;
}

export function createSharedCache(folder: string | null): SharedCache {
  return {
    async take(path, fileName, expected, signal) {
      // Without a known checksum a shared folder proves nothing.
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
        // A read-only or full folder: the download is complete without it.
      }
    },
  };
}

/**
 * A hard link costs no space; another disk or file system takes a copy. The name changes at once, so that
 * others who share the folder never see half a file, nor write into one that is mapped.
 */
async function linkOrCopy(from: string, to: string): Promise<void> {
  const fresh = `${to}.${randomUUID()}`;
  try {
    await link(from, fresh).catch(() => copyFile(from, fresh));
    await rename(fresh, to);
  } finally {
    // Left over when both names were the same file already, or when something failed.
    await rm(fresh, { force: true });
  }
}
