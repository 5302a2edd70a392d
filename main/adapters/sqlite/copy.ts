/** Copies a database that is in use: complete, of one moment, and on disk before it gets its final name. */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { backupPath } from './integrity.ts';

/** Opening the database renews copies older than this. */
const BACKUP_AGE_MS = 24 * 60 * 60 * 1000;

/** Writes the database as one file that only its owner can read, and replaces an existing file at `to`. */
export function copyDatabase(database: Database, to: string): void {
  const unfinished = `${to}.part`;
  rmSync(unfinished, { force: true });
  database.prepare('VACUUM INTO ?').run(unfinished);
  chmodSync(unfinished, 0o600);
  flush(unfinished);
  renameSync(unfinished, to);
}

/** True if the copy next to the database is missing or more than a day old. */
export function isBackupDue(path: string): boolean {
  const copy = backupPath(path);
  return !existsSync(copy) || Date.now() - statSync(copy).mtimeMs > BACKUP_AGE_MS;
}

/** Forces the copy to disk, for which VACUUM INTO does not wait, before it replaces the previous copy. */
function flush(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
