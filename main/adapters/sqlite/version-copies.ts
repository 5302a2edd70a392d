/**
 * Copies of the database from before each new schema version: how many stay, and the way back to one of them for an
 * earlier program that can't read the database of a later one.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { asStorageError } from '../../ports/storage.ts';
import { translating } from './handles.ts';
import { backupPath, checkIntegrity, LOCK_TIMEOUT_MS } from './integrity.ts';
import { currentMark, type LedgerMark, markPath, readMark, writeMark } from './ledger-mark.ts';
import { CHECKSUMS_SINCE } from './row-checksums.ts';

/** Copies of earlier versions that stay. */
const COPIES_MAX = 3;
/** Bytes of all of them together; the newest stays even if it is larger. */
const COPIES_BYTES_MAX = 4 * 1024 ** 3;

/** Returns the path of the copy that is made before the database leaves a schema version. */
export function versionBackupPath(path: string, version: number): string {
  return `${backupPath(path)}-v${version}`;
}

/** Deletes the oldest copies beyond the limits. Call when a migration has succeeded. */
export function dropOldVersionCopies(
  path: string,
  limits = { count: COPIES_MAX, bytes: COPIES_BYTES_MAX },
): void {
  let bytes = 0;
  for (const [index, version] of copiedVersions(path).entries()) {
    const copy = versionBackupPath(path, version);
    bytes += statSync(copy).size;
    if (index > 0 && (index >= limits.count || bytes > limits.bytes)) rmSync(copy, { force: true });
  }
}

/** The newest first. */
function copiedVersions(path: string): number[] {
  const prefix = `${basename(backupPath(path))}-v`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^\d{1,6}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((left, right) => right - left);
}

/** A way back to an earlier schema version. */
export interface WayBack {
  /** Path of the copy. */
  readonly copy: string;
  readonly copiedAtMs: number;
  /** Ledger entries that the copy lacks. Their vouchers may be the only proof of money earned since. */
  readonly entriesLost: number;
  /** The mark of the copy. */
  readonly mark: LedgerMark;
}

/**
 * Returns the newest copy that a program of this schema version can open; null if there is none of this database. Changes
 * nothing. Fails with `database-corrupt` for a damaged copy.
 */
export function findWayBack(path: string, versionMax: number): WayBack | null {
  const version = copiedVersions(path).find((copied) => copied <= versionMax && copied >= CHECKSUMS_SINCE);
  const here = readMark(path);
  if (version === undefined || here === null) return null;
  const copy = versionBackupPath(path, version);
  checkIntegrity(copy, versionMax);
  const mark = reading(copy, currentMark);
  if (mark.database !== here.database) return null;
  const entries = Math.max(here.sequence, reading(path, newestEntry));
  return {
    copy,
    copiedAtMs: statSync(copy).mtimeMs,
    entriesLost: Math.max(0, entries - mark.sequence),
    mark,
  };
}

/** Reads only what every version had; a later one without it relies on the mark. */
function newestEntry(database: Database.Database): number {
  try {
    return Number(database.prepare('SELECT coalesce(max(sequence), 0) FROM ledger_posting').pluck().get());
  } catch (cause) {
    if (cause instanceof Database.SqliteError && cause.code === 'SQLITE_ERROR') return 0;
    throw cause;
  }
}

function reading<T>(path: string, read: (database: Database.Database) => T): T {
  return translating(() => {
    const database = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
    try {
      return read(database);
    } finally {
      database.close();
    }
  });
}

/** Runs a check of the database; where that finds a later version, the failure names the way back. */
export function withWayBack<T>(path: string, versionMax: number, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    const isLater = isAppError(cause, 'unsupported') && Number(cause.details.version) > versionMax;
    if (!isLater) throw cause;
    const wayBack = findWayBack(path, versionMax);
    if (wayBack === null) throw cause;
    const { entriesLost, copiedAtMs } = wayBack;
    throw new AppError(
      'unsupported',
      `${cause.message} Or go back to the copy of ${new Date(copiedAtMs).toISOString()} with the command rollback: ` +
        `${entriesLost === 0 ? 'no ledger entry is' : `${entriesLost} ledger entries since then would be`} lost.`,
      { details: { ...cause.details, entriesLost } },
    );
  }
}

/**
 * Puts a copy in the place of the database, which moves to a new folder with its mark and backup. Interrupted at any
 * moment, the database is one of the two, whole, and no later than its mark. Fails with `disk-full`, `disk-unwritable`
 * or `home-in-use`.
 */
export function goBack(path: string, { copy, mark }: WayBack, keptIn: string): void {
  try {
    emptyLog(path);
    mkdirSync(keptIn, { mode: 0o700 });
    copyWhole(path, join(keptIn, basename(path)));
    copyWhole(markPath(path), join(keptIn, basename(markPath(path))));
    const next = `${path}.part`;
    copyWhole(copy, next);
    // First: a later database contains what this mark proves.
    writeMark(path, mark, true);
    renameSync(next, path);
    const backup = backupPath(path);
    if (existsSync(backup)) renameSync(backup, join(keptIn, basename(backup)));
  } catch (cause) {
    throw asStorageError(cause);
  }
}

/** Writes the log into the database: with another database in its place, it would be wrong. */
function emptyLog(path: string): void {
  translating(() => {
    const database = new Database(path, { fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
    try {
      database.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      database.close();
    }
  });
  const log = `${path}-wal`;
  if (existsSync(log) && statSync(log).size > 0) {
    throw new AppError('home-in-use', `The database ${path} is in use. Stop Idlewatt, then retry.`);
  }
}

function copyWhole(from: string, to: string): void {
  rmSync(to, { force: true });
  copyFileSync(from, to);
  chmodSync(to, 0o600);
  const file = openSync(to, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
