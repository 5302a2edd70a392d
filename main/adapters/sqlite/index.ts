/** Public interface of the SQLite adapter: the database with all stores, and a file lock. */

export { openBatchStore } from './batch-store.ts';
export {
  copyDatabaseFile,
  type OpenDatabase,
  type OpenOptions,
  openBesideAgent,
  openDatabase,
  openForReading,
  type ReadOnlyDatabase,
} from './database.ts';
export { acquireFileLock } from './file-lock.ts';
export { compareDatabases, prepareRestored } from './restored.ts';
export { readSchemaVersion, type SchemaVersion } from './schema-version.ts';
export { type StoredState, verifyStored } from './verify.ts';
export { findWayBack, goBack, type WayBack } from './version-copies.ts';
