/**
 * Whether a database file may be used at all, found out without writing to it: a damaged file is evidence
 * and perhaps the only copy of somebody's vouchers, so nothing here may make it worse.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { AppError } from '../../../shared/errors.ts';
import { isLocked, lockedError } from './handles.ts';

/** Marks a file as ours (SQLite's `application_id`): the letters IdWt. */
export const APPLICATION_ID = 0x49645774;

const HEADER = Buffer.from('SQLite format 3\0');

/** Name of the copy that is made beside the database while it is whole. */
export function backupPath(path: string): string {
  return `${path}.backup`;
}

/** How long another program may hold the file before it is told. */
export const LOCK_TIMEOUT_MS = 5_000;

export interface LookOptions {
  /** Files above this size are opened before they are read from end to end. Default 32 MiB. */
  readonly readAtOnceBytesMax?: number;
  readonly lockTimeoutMs?: number;
}

/** Files up to this size are read from end to end before they are used; larger ones while they already are. */
export const READ_AT_ONCE_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Throws `database-corrupt` for a file that is damaged or not ours, `unsupported` for one written by a
 * newer version, `home-in-use` for one that another program holds. A file that is absent or empty passes. Returns whether all of it was read; of a large one
 * only the beginning and the length are looked at.
 */
export function checkIntegrity(
  path: string,
  versionMax: number,
  { readAtOnceBytesMax = READ_AT_ONCE_BYTES_MAX, lockTimeoutMs = LOCK_TIMEOUT_MS }: LookOptions = {},
): 'read' | 'glanced' {
  if (!existsSync(path) || statSync(path).size === 0) return 'read';
  if (!hasHeader(path)) throw corrupt(path, 'It does not begin like a database.');
  const isLarge = statSync(path).size > readAtOnceBytesMax;
  if (isLarge && isCutShort(path)) throw corrupt(path, 'It is shorter than it says.');
  let problem: string | null;
  let version = 0;
  try {
    // Read-only: leftovers of a crash in the write-ahead log are read, not written back.
    const database = new Database(path, { readonly: true, fileMustExist: true, timeout: lockTimeoutMs });
    try {
      problem = findStranger(database) ?? (isLarge ? null : findDamage(database));
      version = Number(database.pragma('user_version', { simple: true }));
    } finally {
      database.close();
    }
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause;
    if (isLocked(cause)) throw lockedError(cause);
    throw corrupt(path, cause.message, cause);
  }
  if (problem !== null) throw corrupt(path, problem);
  if (version > versionMax) {
    throw new AppError(
      'unsupported',
      'The database was written by a newer version of Idlewatt; install that version again.',
      { details: { path, version, versionMax } },
    );
  }
  return isLarge ? 'glanced' : 'read';
}

function findStranger(database: Database.Database): string | null {
  const applicationId = Number(database.pragma('application_id', { simple: true }));
  const tables = Number(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  return tables > 0 && applicationId !== APPLICATION_ID ? 'It is a database of another program.' : null;
}

/** Reads everything: what is wrong with it, or null. */
export function findDamage(database: Database.Database): string | null {
  const result = String(database.pragma('quick_check(1)', { simple: true }));
  if (result !== 'ok') return result;
  const orphans = database.pragma('foreign_key_check') as unknown[];
  return orphans.length === 0 ? null : 'Rows refer to others that are missing.';
}

/** By the header's own count of pages; while a write-ahead log holds pages, the file may lag behind it. */
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
    : `put your own backup at ${path} (none was found beside it)`;
  return new AppError(
    'database-corrupt',
    `The database ${path} is damaged and was left untouched. To restore it: stop Idlewatt, move ${path} and ` +
      `the files ${path}-wal and ${path}-shm to another folder and keep them, ${restore}, then start again.`,
    { cause, details: { path, reason, backup: existsSync(backup) ? backup : null } },
  );
}
