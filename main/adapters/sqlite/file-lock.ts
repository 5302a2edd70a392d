/**
 * Operating-system file lock, taken through SQLite's exclusive lock. Node has no file locks of its own, and a lock file
 * with a process ID or a heartbeat fails with reused IDs, kills and sleep.
 */
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import { isAppError } from '../../../shared/errors.ts';
import type { AcquireLock } from '../../ports/lock.ts';
import { translating } from './handles.ts';

export const acquireFileLock: AcquireLock = (path) => {
  const database = translating(() => new Database(path, { timeout: 0 }));
  try {
    translating(() => {
      database.pragma('locking_mode = EXCLUSIVE');
      database.exec('BEGIN EXCLUSIVE');
    });
  } catch (cause) {
    database.close();
    if (isAppError(cause, 'home-in-use')) return null;
    throw cause;
  }
  chmodSync(path, 0o600);
  return { release: () => database.close() };
};
