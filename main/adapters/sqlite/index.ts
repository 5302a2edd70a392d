/** The database: one SQLite file with every store, opened only when it is whole. */
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { LedgerStore } from '../../ports/ledger.ts';
import type { RecordStore } from '../../ports/store.ts';
import { openBenchmarkStore } from './benchmark-store.ts';
import { copyDatabase, isBackupDue } from './copy.ts';
import { examineInBackground } from './examine.ts';
import { isLocked, lockedError, openHandles } from './handles.ts';
import {
  APPLICATION_ID,
  backupPath,
  checkIntegrity,
  LOCK_TIMEOUT_MS,
  type LookOptions,
} from './integrity.ts';
import { openJobStore } from './job-store.ts';
import { openLedgerStore } from './ledger-store.ts';
import { MIGRATIONS, type Migration } from './migrations/index.ts';
import { openRecordStore } from './record-store.ts';

export { acquireFileLock } from './file-lock.ts';
export { readSchemaVersion, type SchemaVersion } from './schema-version.ts';

export interface OpenDatabase {
  readonly ledger: LedgerStore;
  readonly jobs: JobRecords;
  readonly records: RecordStore;
  readonly benchmarks: BenchmarkStore;
  /** Several stores' writes as one: all or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** Copies the whole database beside itself; the copy takes the old one's place only when complete. */
  backup(): void;
  /**
   * Resolves when the file is known to be whole: at once for a small one, which was read before it was opened;
   * a large one is read in the background, and rejects with `database-corrupt`.
   */
  readonly examined: Promise<void>;
  close(): void;
}

export interface OpenOptions extends LookOptions {
  readonly migrations?: readonly Migration[];
}

/**
 * Opens or creates the database at an absolute path; `:memory:` for one that lives only in this process.
 * Throws `database-corrupt` (the file is left as it was) `unsupported` (written by a newer version) or `home-in-use`.
 */
export function openDatabase(
  path: string,
  { migrations = MIGRATIONS, ...look }: OpenOptions = {},
): OpenDatabase {
  const inMemory = path === ':memory:';
  const versionMax = migrations.at(-1)?.version ?? 0;
  const looked = inMemory ? 'read' : checkIntegrity(path, versionMax, look);
  const database = new Database(path, { timeout: look.lockTimeoutMs ?? LOCK_TIMEOUT_MS });
  try {
    if (!inMemory) chmodSync(path, 0o600);
    database.pragma('journal_mode = WAL');
    // A booked cent must survive a power cut, not only a crash of ours.
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    // Pages that many bookings change are copied back from the log once for all of them.
    database.pragma('wal_autocheckpoint = 4000');
    const version = userVersion(database);
    // A step that changes the tables has a copy behind it, however long that takes.
    const isCopied = looked === 'read' ? isBackupDue(path) : version < versionMax;
    if (!inMemory && version > 0 && isCopied) copyDatabase(database, backupPath(path));
    migrate(database, migrations);
  } catch (cause) {
    database.close();
    throw isLocked(cause) ? lockedError(cause) : cause;
  }
  const { writer } = openHandles(database);
  const examination = looked === 'glanced' ? examineInBackground(path) : null;
  return {
    ledger: openLedgerStore(writer),
    jobs: openJobStore(writer),
    records: openRecordStore(writer),
    benchmarks: openBenchmarkStore(writer),
    transaction: (run) => writer.transaction(run),
    backup() {
      if (!inMemory) copyDatabase(database, backupPath(path));
    },
    examined: examination?.done ?? Promise.resolve(),
    close() {
      examination?.end();
      database.close();
    },
  };
}

/** The stores of one moment, for those who only look; an attempt to write fails. */
export type ReadOnlyDatabase = Pick<OpenDatabase, 'ledger' | 'jobs' | 'records' | 'close'>;

/**
 * Opens the database as it is at this moment, also beside the agent that works with it, and changes nothing.
 * Throws `database-corrupt`, or `unsupported` when this version has not opened it for writing yet.
 */
export function openForReading(path: string): ReadOnlyDatabase {
  const newest = MIGRATIONS.at(-1)?.version ?? 0;
  checkIntegrity(path, newest);
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
  if (userVersion(database) < newest) {
    database.close();
    throw new AppError(
      'unsupported',
      'The database was written by an older version of Idlewatt: start this one on it once.',
      { details: { path } },
    );
  }
  // What is read from here on is of one moment, whatever the agent writes meanwhile.
  database.exec('BEGIN');
  const { writer } = openHandles(database);
  return {
    ledger: openLedgerStore(writer),
    jobs: openJobStore(writer),
    records: openRecordStore(writer),
    close: () => database.close(),
  };
}

/** Writes the database at `from` as one whole file at `to`, also while an agent works with it. */
export function copyDatabaseFile(from: string, to: string): void {
  checkIntegrity(from, MIGRATIONS.at(-1)?.version ?? 0);
  const database = new Database(from, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
  try {
    copyDatabase(database, to);
  } finally {
    database.close();
  }
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
