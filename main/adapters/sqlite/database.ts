/** Opens the database, one SQLite file with every store, and only if the file is intact. */
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
import { isLocked, lockedError, openHandles, translating } from './handles.ts';
import {
  APPLICATION_ID,
  backupPath,
  type CheckOptions,
  checkIntegrity,
  LOCK_TIMEOUT_MS,
} from './integrity.ts';
import { openJobStore } from './job-store.ts';
import { openLedgerStore } from './ledger-store.ts';
import type { Migration } from './migration.ts';
import { MIGRATIONS, NEWEST_VERSION } from './migrations.ts';
import { openRecordStore } from './record-store.ts';

export interface OpenDatabase {
  readonly ledger: LedgerStore;
  readonly jobs: JobRecords;
  readonly records: RecordStore;
  readonly benchmarks: BenchmarkStore;
  /** Groups writes to several stores: all or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** Copies the whole database next to itself. The copy replaces the previous one only once it is complete. */
  backup(): void;
  /**
   * Resolves when the file is known to be intact: immediately for a small file, which is read in full before it is
   * opened. A large file is read in the background; rejects with `database-corrupt` if it is damaged.
   */
  readonly examined: Promise<void>;
  close(): void;
}

export interface OpenOptions extends CheckOptions {
  readonly migrations?: readonly Migration[];
}

/**
 * Opens or creates the database at an absolute path; `:memory:` creates one that exists only in this process.
 * Throws `database-corrupt` (the file is left unchanged), `unsupported` (written by a newer version), `home-in-use` or
 * `disk-full` (not enough space for a migration; the previous version remains).
 */
export function openDatabase(
  path: string,
  { migrations = MIGRATIONS, ...check }: OpenOptions = {},
): OpenDatabase {
  const inMemory = path === ':memory:';
  const versionMax = migrations.at(-1)?.version ?? 0;
  const checked = inMemory ? 'all' : checkIntegrity(path, versionMax, check);
  const database = new Database(path, { timeout: check.lockTimeoutMs ?? LOCK_TIMEOUT_MS });
  try {
    if (!inMemory) chmodSync(path, 0o600);
    database.pragma('journal_mode = WAL');
    // A recorded cent must survive a power cut, not only a crash of this process.
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    // Pages that many entries change are copied back from the write-ahead log once for all of them.
    database.pragma('wal_autocheckpoint = 4000');
    const version = userVersion(database);
    // A migration that changes tables runs only with a copy in place, however long the copy takes.
    const needsCopy = checked === 'all' ? isBackupDue(path) : version < versionMax;
    if (!inMemory && version > 0 && needsCopy) copyDatabase(database, backupPath(path));
    migrate(database, migrations);
  } catch (cause) {
    database.close();
    throw isLocked(cause) ? lockedError(cause) : cause;
  }
  const { writer } = openHandles(database);
  const examination = checked === 'start' ? examineInBackground(path) : null;
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

/** A snapshot of the stores for reading only; an attempt to write fails. */
export type ReadOnlyDatabase = Pick<OpenDatabase, 'ledger' | 'jobs' | 'records' | 'close'>;

/**
 * Opens a snapshot of the database without changing it, even while an agent is using it.
 * Throws `database-corrupt`, or `unsupported` if this version has not opened it for writing yet.
 */
export function openForReading(path: string): ReadOnlyDatabase {
  checkIntegrity(path, NEWEST_VERSION);
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
  if (userVersion(database) < NEWEST_VERSION) {
    database.close();
    throw new AppError(
      'unsupported',
      `The database ${path} was written by an older version of Idlewatt. Start this version on it once, then retry.`,
      { details: { path } },
    );
  }
  // Every later read sees this one moment, regardless of what the agent writes meanwhile.
  database.exec('BEGIN');
  const { writer } = openHandles(database);
  return {
    ledger: openLedgerStore(writer),
    jobs: openJobStore(writer),
    records: openRecordStore(writer),
    close: () => database.close(),
  };
}

/** Copies the database at `from` to one complete file at `to`, even while an agent is using it. */
export function copyDatabaseFile(from: string, to: string): void {
  checkIntegrity(from, NEWEST_VERSION);
  const database = new Database(from, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
  try {
    copyDatabase(database, to);
  } finally {
    database.close();
  }
}

/** Applies the missing steps, each in its own transaction. */
function migrate(database: Database.Database, migrations: readonly Migration[]): void {
  database.pragma(`application_id = ${APPLICATION_ID}`);
  migrations.forEach((migration, index) => {
    assert(migration.version === index + 1, 'migrations are numbered from 1 without gaps');
    if (userVersion(database) >= migration.version) return;
    const apply = database.transaction(() => {
      database.exec(migration.sql);
      migration.fill?.(database);
      database.pragma(`user_version = ${migration.version}`);
    });
    translating(apply);
  });
}

function userVersion(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
