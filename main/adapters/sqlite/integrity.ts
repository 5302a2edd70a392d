/**
 * Checks whether a database file may be used, without writing to it: a damaged file is evidence and may be the only
 * copy of the owner's vouchers, so nothing here may make it worse.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { AppError } from '../../../shared/errors.ts';
import { storageError } from '../../ports/storage.ts';
import { isLocked, lockedError, sqliteFaultOf } from './handles.ts';
import { contains, currentMark, type LedgerMark, missingError, olderError, readMark } from './ledger-mark.ts';
import { CHECKSUMS_SINCE, findChangedRow, findChangedSchema } from './row-checksums.ts';

/** Marks a file as Idlewatt's (SQLite's `application_id`): the letters IdWt. */
export const APPLICATION_ID = 0x49645774;

const HEADER = Buffer.from('SQLite format 3\0');

/** Returns the path of the copy that is made next to the database while it is intact. */
export function backupPath(path: string): string {
  return `${path}.backup`;
}

/** Time to wait for another program's lock on the file before it is reported as in use. */
export const LOCK_TIMEOUT_MS = 5_000;

export interface CheckOptions {
  /** Files above this size are opened before they are read in full. Default 32 MiB. */
  readonly readFirstBytesMax?: number;
  readonly lockTimeoutMs?: number;
  /** Accepts rows whose checksum differs: for a command that lists what was changed. */
  readonly allowChangedRows?: boolean;
}

/** Files up to this size are read in full before they are used, larger ones while they are in use. */
const READ_FIRST_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Throws `database-corrupt` for a file that is damaged or not Idlewatt's, `unsupported` for one written by a newer
 * version, `home-in-use` for one that another program has locked, and `database-lost` for one that is missing or older
 * than it was. An absent or empty file passes if there never was another one.
 * Returns how much was checked: `all`, or `start` for a large file, of which only the beginning and the length are.
 */
export function checkIntegrity(
  path: string,
  versionMax: number,
  {
    readFirstBytesMax = READ_FIRST_BYTES_MAX,
    lockTimeoutMs = LOCK_TIMEOUT_MS,
    allowChangedRows = false,
  }: CheckOptions = {},
): 'all' | 'start' {
  // Before the database is read: a running agent writes the mark after the database.
  const mark = readMark(path);
  if (!existsSync(path) || statSync(path).size === 0) {
    if (mark !== null || existsSync(backupPath(path))) throw missingError(path, backupPath(path));
    return 'all';
  }
  if (!hasHeader(path)) throw corrupt(path, 'The file does not start with SQLite’s header.');
  const isLarge = statSync(path).size > readFirstBytesMax;
  if (isLarge && isCutShort(path)) throw corrupt(path, 'The file is shorter than its header states.');
  let problem: string | null;
  let version = 0;
  let older: AppError | null = null;
  try {
    // Read-only: a write-ahead log that a crash left behind is read and not written back.
    const database = new Database(path, { readonly: true, fileMustExist: true, timeout: lockTimeoutMs });
    try {
      version = Number(database.pragma('user_version', { simple: true }));
      // Rows of a later version may have columns that this one can't read.
      const isReadable = version <= versionMax;
      const isReadFirst = isReadable && !isLarge;
      problem = findForeignOwner(database) ?? (isReadFirst ? findDamage(database, !allowChangedRows) : null);
      if (problem === null && mark !== null && isReadable) older = findOlder(database, path, mark);
    } finally {
      database.close();
    }
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause;
    if (isLocked(cause)) throw lockedError(cause);
    // Even a reader needs to create the index of the write-ahead log. A read that fails is damage.
    const fault = cause.code.startsWith('SQLITE_IOERR_READ') ? null : sqliteFaultOf(cause);
    if (fault === 'disk-full' || fault === 'disk-unwritable') throw storageError(fault, { cause });
    throw corrupt(path, cause.message, cause);
  }
  if (problem !== null) throw corrupt(path, problem);
  if (version > versionMax) {
    throw new AppError(
      'unsupported',
      `The database ${path} was written by a newer version of Idlewatt. Nothing was changed. Install that version again.`,
      { details: { path, version, versionMax } },
    );
  }
  if (older !== null) throw older;
  return isLarge ? 'start' : 'all';
}

/** Returns the failure for a database that lacks what the mark proves. A copy of an earlier schema has no identity. */
function findOlder(database: Database.Database, path: string, mark: LedgerMark): AppError | null {
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version < CHECKSUMS_SINCE) {
    return olderError(path, { database: '', sequence: 0, hash: '', revision: 0 }, mark);
  }
  return contains(database, mark) ? null : olderError(path, currentMark(database), mark);
}

function findForeignOwner(database: Database.Database): string | null {
  const applicationId = Number(database.pragma('application_id', { simple: true }));
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  return tables > 0 && applicationId !== APPLICATION_ID ? 'The database belongs to another program.' : null;
}

/**
 * Reads the whole database and returns the first problem, or null; `withRows` compares the rows' checksums, too, and
 * calls `pace` at each.
 */
export function findDamage(
  database: Database.Database,
  withRows = true,
  pace: () => void = () => undefined,
): string | null {
  // Unlike quick_check, this compares the indexes with their tables.
  const result = String(database.pragma('integrity_check(1)', { simple: true }));
  if (result !== 'ok') return result;
  const orphans = database.pragma('foreign_key_check') as unknown[];
  if (orphans.length > 0) return 'Rows refer to missing rows.';
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version < CHECKSUMS_SINCE) return null;
  return findChangedSchema(database) ?? (withRows ? findChangedRow(database, pace) : null);
}

/** Compares the length with the header's page count. While a write-ahead log has pages, the file may lag behind it. */
function isCutShort(path: string): boolean {
  const log = `${path}-wal`;
  if (existsSync(log) && statSync(log).size > 0) return false;
  const header = readStart(path, 32);
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  return statSync(path).size < header.readUInt32BE(28) * pageBytes;
}

function hasHeader(path: string): boolean {
  return readStart(path, HEADER.length).equals(HEADER);
}

function readStart(path: string, bytes: number): Buffer {
  const start = Buffer.alloc(bytes);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  return start;
}

export function corrupt(path: string, reason: string, cause?: unknown): AppError {
  const backup = backupPath(path);
  const restore = existsSync(backup)
    ? `copy ${backup} to ${path}`
    : `put your own backup at ${path} (none was found next to it)`;
  return new AppError(
    'database-corrupt',
    `The database ${path} is damaged and was left untouched. To restore it: stop Idlewatt, move ${path} and ` +
      `the files ${path}-wal, ${path}-shm and ${path}.mark to another folder and keep them, ${restore}, then start again.`,
    { cause, details: { path, reason, backup: existsSync(backup) ? backup : null } },
  );
}
