/** Opens the database, one SQLite file with every store, and only if the file is intact. */
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { LedgerStore } from '../../ports/ledger.ts';
import type { StorageHealth } from '../../ports/storage.ts';
import type { Durability, RecordStore } from '../../ports/store.ts';
import { openBenchmarkStore } from './benchmark-store.ts';
import { backUpDatabase, copyDatabase, isBackupDue } from './copy.ts';
import { examineInBackground } from './examine.ts';
import {
  isLocked,
  openHandles,
  pacedReads,
  sqliteFaultOf,
  translating,
  type WriteHandle,
} from './handles.ts';
import { type DatabaseHealth, fullIfSo, type HealthOptions, watchDatabase } from './health.ts';
import {
  APPLICATION_ID,
  backupPath,
  type CheckOptions,
  checkIntegrity,
  LOCK_TIMEOUT_MS,
} from './integrity.ts';
import { openJobStore } from './job-store.ts';
import { checkLedger } from './ledger-check.ts';
import { openLedgerStore } from './ledger-store.ts';
import { createLogSync, NO_LOG } from './log-sync.ts';
import type { Migration } from './migration.ts';
import { MIGRATIONS, NEWEST_VERSION } from './migrations.ts';
import { createReadingPace } from './reading-pace.ts';
import { openRecordStore } from './record-store.ts';
import { CHECKSUMS_SINCE, COMPACT_SINCE, findChangedRow, saveSchemaChecksum } from './row-checksums.ts';
import { dropOldVersionCopies, versionBackupPath, withWayBack } from './version-copies.ts';
import type { WriteGroups } from './write-groups.ts';

/**
 * A transaction is written as whole pages, of which it changes one or two per table and index: small pages halve what
 * a job writes. Rows of jobs, of half a kilobyte, still share them.
 */
const PAGE_BYTES = 2_048;
/** Size of the write-ahead log from which on it is copied back: pages that many entries change are copied once for all. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The owner waits for the agent's start, so it reads and verifies only a small file first. Commands read larger files first.
 */
const READ_FIRST_BYTES_MAX = 4 * 1024 * 1024;

export interface OpenDatabase {
  readonly ledger: LedgerStore;
  readonly jobs: JobRecords;
  readonly records: RecordStore;
  readonly benchmarks: BenchmarkStore;
  /** Defers writes to all stores above. */
  readonly durability: Durability;
  /** Reports if events can be recorded now. */
  readonly storage: StorageHealth;
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

export interface OpenOptions extends CheckOptions, Pick<HealthOptions, 'freeBytes'> {
  readonly migrations?: readonly Migration[];
}

/** The first database in memory, before its first row: a copy is opened much faster than all migrations run. */
let blank: Buffer | null = null;

/**
 * Opens or creates the database at an absolute path; `:memory:` creates one that exists only in this process.
 * Throws `database-corrupt` or `database-lost` (the file is left unchanged), `unsupported` (written by a newer version),
 * `home-in-use`, `disk-unwritable` or `disk-full` (a migration did not fit; the version before it is left).
 */
export function openDatabase(path: string, options: OpenOptions = {}): OpenDatabase {
  const { migrations = MIGRATIONS, ...given } = options;
  const check = { readFirstBytesMax: READ_FIRST_BYTES_MAX, ...given };
  const inMemory = path === ':memory:';
  const versionMax = migrations.at(-1)?.version ?? 0;
  const checked = inMemory
    ? 'all'
    : withWayBack(path, versionMax, () => checkIntegrity(path, versionMax, check));
  const content = inMemory && migrations === MIGRATIONS ? (blank ?? path) : path;
  const database = translating(
    () => new Database(content, { timeout: check.lockTimeoutMs ?? LOCK_TIMEOUT_MS }),
  );
  let isSound: boolean;
  try {
    isSound = translating(() => prepare(database, { path, migrations, isVerified: checked === 'all' }));
  } catch (cause) {
    database.close();
    throw fullIfSo(cause, path);
  }
  if (inMemory && migrations === MIGRATIONS) blank ??= database.serialize();
  // Before version 7, which only tests open, there is nothing to identify the file by.
  const isIdentified = !inMemory && userVersion(database) >= CHECKSUMS_SINCE;
  const health = isIdentified ? watchDatabase({ path, database, freeBytes: check.freeBytes }) : null;
  const log = inMemory ? NO_LOG : createLogSync(path);
  const { writer, groups } = openHandles(database, health ?? undefined, log);
  health?.commitWith(() => groups.flush());
  health?.flushMark();
  if (!isSound) health?.damaged();
  const examination = checked === 'start' ? examineInBackground(path) : null;
  examination?.done.catch(() => health?.damaged());
  return {
    ...openStores(writer),
    durability: groups,
    storage: health ?? ALWAYS_WRITABLE,
    backup() {
      groups.flush();
      if (!inMemory) backUpDatabase(database, backupPath(path));
    },
    examined: examination?.done ?? Promise.resolve(),
    close() {
      examination?.end();
      flushBeforeClose(groups, health);
      log.close();
      database.close();
    },
  };
}

/** Closing ends a database that takes no more writes, too: its fault is known by then. */
function flushBeforeClose(groups: WriteGroups, health: DatabaseHealth | null): void {
  try {
    groups.flush();
  } catch (error) {
    if (health === null || !health.note(error)) throw error;
  }
  health?.close();
}

/** A database in memory has no file that could be lost. */
const ALWAYS_WRITABLE: StorageHealth = {
  fault: () => null,
  check: () => undefined,
  note: () => false,
  onChange: () => () => undefined,
};

function openStores(writer: WriteHandle) {
  return {
    ledger: openLedgerStore(writer),
    jobs: openJobStore(writer),
    records: openRecordStore(writer),
    benchmarks: openBenchmarkStore(writer),
    transaction: <T>(run: () => T): T => writer.transaction(run),
  };
}

/**
 * Sets the connection up, makes the copies that are due, and migrates. `isVerified`: the file was read in full. Returns
 * false if the ledger in it doesn't add up; its owner can still open it to see why.
 */
function prepare(
  database: Database.Database,
  parts: {
    readonly path: string;
    readonly migrations: readonly Migration[];
    readonly isVerified: boolean;
  },
): boolean {
  const { path, migrations, isVerified } = parts;
  const inMemory = path === ':memory:';
  if (!inMemory) chmodSync(path, 0o600);
  // Has an effect only on a new database.
  database.pragma(`page_size = ${PAGE_BYTES}`);
  database.pragma('journal_mode = WAL');
  // A recorded cent must survive a power cut, not only a crash of this process: `log-sync.ts` waits for the disk.
  database.pragma('synchronous = NORMAL');
  database.pragma('foreign_keys = ON');
  database.pragma(`wal_autocheckpoint = ${LOG_BYTES_MAX / PAGE_BYTES}`);
  const version = userVersion(database);
  const isMigrated = version >= (migrations.at(-1)?.version ?? 0);
  const isSound = inMemory || !isVerified || !isMigrated || isLedgerSound(database);
  if (!inMemory && version > 0) {
    // A migration runs only with a copy in place, however long the copy takes.
    if (!isMigrated) backUpDatabase(database, versionBackupPath(path, version));
    // A ledger that doesn't add up must not replace a backup of one that did.
    else if (isVerified && isSound && isBackupDue(path)) backUpDatabase(database, backupPath(path));
  }
  migrate(database, migrations);
  if (!inMemory && version > 0 && !isMigrated) dropOldVersionCopies(path);
  if (!inMemory && version > 0 && version < COMPACT_SINCE && isCompact(database)) shrink(database);
  // A group of savepoints keeps the pages before its changes; in files, these were two fifths of what a job writes. From
  // here on, because a database is shrunk through a temporary file of its own size.
  database.pragma('temp_store = MEMORY');
  return isSound;
}

function isCompact(database: Database.Database): boolean {
  return userVersion(database) >= COMPACT_SINCE;
}

/**
 * Rewrites a converted database with today's page size and without the room of its former tables. Interrupted at any
 * moment, it leaves the database unchanged; a database that is in use elsewhere, or too large for the disk, stays so.
 */
function shrink(database: Database.Database): void {
  try {
    database.pragma('journal_mode = DELETE');
    database.pragma(`page_size = ${PAGE_BYTES}`);
    database.exec('VACUUM');
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause;
    if (!isLocked(cause) && sqliteFaultOf(cause) === null) throw cause;
  } finally {
    database.pragma('journal_mode = WAL');
  }
}

/** Verifies all entries; a large file's are verified in the background. */
function isLedgerSound(database: Database.Database): boolean {
  if (userVersion(database) < CHECKSUMS_SINCE) return true;
  return checkLedger(openHandles(database).writer, 'all').length === 0;
}

/** A snapshot of the stores for reading only; an attempt to write fails. */
export interface ReadOnlyDatabase extends Pick<OpenDatabase, 'ledger' | 'jobs' | 'records' | 'close'> {
  /** Names the first row outside the ledger that isn't as it was written; null if there is none. */
  changedRow(): string | null;
}

/**
 * Opens a snapshot of the database without changing it, even while an agent is using it: while that agent writes, the
 * reads pause to leave it the processor.
 * Throws `database-corrupt`, or `unsupported` if this version has not opened it for writing yet.
 */
export function openForReading(
  path: string,
  options: Pick<CheckOptions, 'allowChangedRows'> = {},
): ReadOnlyDatabase {
  checkIntegrity(path, NEWEST_VERSION, options);
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
  const pace = createReadingPace({ path });
  const writer = pacedReads(openHandles(database).writer, pace);
  return {
    ledger: openLedgerStore(writer),
    jobs: openJobStore(writer),
    records: openRecordStore(writer),
    changedRow: () => findChangedRow(database, pace),
    close: () => database.close(),
  };
}

/**
 * Opens the stores for reading in another process than the agent that has this database open: each call sees what is
 * committed when it begins. The file isn't checked again.
 */
export function openBesideAgent(path: string): Pick<OpenDatabase, 'ledger' | 'jobs' | 'records' | 'close'> {
  const database = translating(
    () => new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS }),
  );
  const { writer } = openHandles(database);
  return {
    ledger: openLedgerStore(writer, { follows: true }),
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
      if (migration.version >= CHECKSUMS_SINCE) saveSchemaChecksum(database);
    });
    translating(apply);
  });
}

function userVersion(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
