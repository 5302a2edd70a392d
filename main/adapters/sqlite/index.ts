/** The database: one SQLite file with every store, opened only when it is whole. */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { assert } from '../../../shared/assert.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { LedgerStore } from '../../ports/ledger.ts';
import type { RecordStore } from '../../ports/store.ts';
import { openBenchmarkStore } from './benchmark-store.ts';
import { openHandles } from './handles.ts';
import { APPLICATION_ID, backupPath, checkIntegrity } from './integrity.ts';
import { openJobStore } from './job-store.ts';
import { openLedgerStore } from './ledger-store.ts';
import { MIGRATIONS, type Migration } from './migrations/index.ts';
import { openRecordStore } from './record-store.ts';

export { acquireFileLock } from './file-lock.ts';

export interface OpenDatabase {
  readonly ledger: LedgerStore;
  readonly jobs: JobRecords;
  readonly records: RecordStore;
  readonly benchmarks: BenchmarkStore;
  /** Several stores' writes as one: all or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** Copies the whole database beside itself; the copy takes the old one's place only when complete. */
  backup(): void;
  close(): void;
}

/** Older copies than this are renewed when the database is opened. */
const BACKUP_AGE_MS = 24 * 60 * 60 * 1000;

/**
 * Opens or creates the database at an absolute path; `:memory:` for one that lives only in this process.
 * Throws `database-corrupt` (the file is left as it was) or `unsupported` (written by a newer version).
 */
export function openDatabase(path: string, migrations: readonly Migration[] = MIGRATIONS): OpenDatabase {
  const inMemory = path === ':memory:';
  const versionMax = migrations.at(-1)?.version ?? 0;
  if (!inMemory) checkIntegrity(path, versionMax);
  const database = new Database(path, { timeout: 5000 });
  try {
    if (!inMemory) chmodSync(path, 0o600);
    database.pragma('journal_mode = WAL');
    // A booked cent must survive a power cut, not only a crash of ours.
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    if (!inMemory && userVersion(database) > 0 && isBackupDue(path)) backup(database, path);
    migrate(database, migrations);
  } catch (cause) {
    database.close();
    throw cause;
  }
  const { writer } = openHandles(database);
  return {
    ledger: openLedgerStore(writer),
    jobs: openJobStore(writer),
    records: openRecordStore(writer),
    benchmarks: openBenchmarkStore(writer),
    transaction: (run) => writer.transaction(run),
    backup() {
      if (!inMemory) backup(database, path);
    },
    close: () => database.close(),
  };
}

/** Applies the steps that are missing, each in its own transaction. */
function migrate(database: Database.Database, migrations: readonly Migration[]): void {
  database.pragma(`application_id = ${APPLICATION_ID}`);
  migrations.forEach((migration, index) => {
    assert(migration.version === index + 1, 'migrations are numbered from 1 without gaps');
    if (userVersion(database) >= migration.version) return;
    database.transaction(() => {
      database.exec(migration.sql);
      migration.fill?.(database);
      database.pragma(`user_version = ${migration.version}`);
    })();
  });
}

function userVersion(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

function isBackupDue(path: string): boolean {
  const copy = backupPath(path);
  return !existsSync(copy) || Date.now() - statSync(copy).mtimeMs > BACKUP_AGE_MS;
}

function backup(database: Database.Database, path: string): void {
  const copy = backupPath(path);
  const unfinished = `${copy}.part`;
  rmSync(unfinished, { force: true });
  database.prepare('VACUUM INTO ?').run(unfinished);
  chmodSync(unfinished, 0o600);
  flush(unfinished);
  renameSync(unfinished, copy);
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
