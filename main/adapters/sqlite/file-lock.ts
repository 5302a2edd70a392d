/**
 * Operating-system file lock, taken through SQLite's exclusive lock. Node has no file locks of its own, and a lock file
 * with a process ID or a heartbeat fails with reused IDs, kills and sleep.
 */
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { AcquireLock } from '../../ports/lock.ts';

export const acquireFileLock: AcquireLock = (path) => {
  const database = new Database(path, { timeout: 0 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY')) return null;
    throw cause;
  }
  chmodSync(path, 0o600);
  return { release: () => database.close() };
};
