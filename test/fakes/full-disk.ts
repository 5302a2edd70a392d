/** Fills a file system until nothing more fits, and frees it again. */
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PIECE_BYTES = 1024 * 1024;
const BALLAST = 'ballast';

/** Writes one file in this folder until nothing more fits. */
export function fillDisk(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  try {
    for (let piece = 0; piece <= Math.ceil((bavail * bsize) / PIECE_BYTES); piece += 1) {
      writeFileSync(join(folder, BALLAST), Buffer.alloc(PIECE_BYTES, 1), { flag: 'a' });
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}

/** Deletes that file. */
export function freeDisk(folder: string): void {
  rmSync(join(folder, BALLAST), { force: true });
}
