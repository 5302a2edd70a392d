/** A copy of a database that is in use: whole, of one moment, on the disk before it takes its name. */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { backupPath } from './integrity.ts';

/** Older copies than this are renewed when the database is opened. */
const BACKUP_AGE_MS = 24 * 60 * 60 * 1000;

/** Writes the database as one file, readable by its owner alone; what was there before is replaced. */
export function copyDatabase(database: Database, to: string): void {
  const unfinished = `${to}.part`;
  rmSync(unfinished, { force: true });
  database.prepare('VACUUM INTO ?').run(unfinished);
  chmodSync(unfinished, 0o600);
  flush(unfinished);
  renameSync(unfinished, to);
}

/** Whether the copy beside the database is missing or a day old. */
export function isBackupDue(path: string): boolean {
  const copy = backupPath(path);
  return !existsSync(copy) || Date.now() - statSync(copy).mtimeMs > BACKUP_AGE_MS;
}

/** VACUUM INTO does not wait for the disk; the copy must be there before it replaces the older one. */
function flush(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
