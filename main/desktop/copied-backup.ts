/** Copies a backup from elsewhere into the folder of backups. */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Copies the file, for its owner only, and resolves with its new name; a file that is there already keeps its own. The
 * name isn't one of the agent's, which deletes its older backups. Rejects with the file system's error.
 */
export async function copyBackup(path: string, folder: string, nowMs: number): Promise<string> {
  if (dirname(resolve(path)) === resolve(folder)) return resolve(path).slice(resolve(folder).length + 1);
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const name = `chosen-${stamp}.tar.gz`;
  const unfinished = join(folder, `${name}.part`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await copyFile(path, unfinished, constants.COPYFILE_EXCL);
    await chmod(unfinished, 0o600);
    await rename(unfinished, join(folder, name));
  } finally {
    await rm(unfinished, { force: true });
  }
  return name;
}
