/**
 * A lock on a file by the operating system, held through SQLite's exclusive lock. Node has no file locks
 * of its own; a lock file with a process id or a heartbeat is fooled by reused ids, kills and sleep.
 */
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
  return { release: () => database.close() };
};
