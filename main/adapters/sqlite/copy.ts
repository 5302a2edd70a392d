/** Copies a database that is in use: complete, of one moment, and on disk before it gets its final name. */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { backupPath } from './integrity.ts';
import { contains, currentMark, type LedgerMark } from './ledger-mark.ts';
import { CHECKSUMS_SINCE } from './row-checksums.ts';

/** Opening the database renews copies older than this. */
const BACKUP_AGE_MS = 24 * 60 * 60 * 1000;

/** Writes the database as one file that only its owner can read, and replaces an existing file at `to`. */
export function copyDatabase(database: Database, to: string): void {
  const unfinished = `${to}.part`;
  rmSync(unfinished, { force: true });
  try {
    database.prepare('VACUUM INTO ?').run(unfinished);
    chmodSync(unfinished, 0o600);
    flush(unfinished);
    renameSync(unfinished, to);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/**
 * Makes a backup. An earlier one is replaced only if the database contains everything in it; otherwise it is set aside
 * under another name, because it may be the only copy of what this database lacks.
 */
export function backUpDatabase(database: Database, to: string): void {
  const before = contentOf(to);
  if (before !== null && !continues(database, before)) {
    renameSync(to, `${to}.kept-${before.mark?.sequence ?? `v${before.version}`}-${Date.now()}`);
  }
  copyDatabase(database, to);
}

/** True if the copy next to the database is missing, more than a day old, or from the future. */
export function isBackupDue(path: string): boolean {
  const copy = backupPath(path);
  return !existsSync(copy) || Math.abs(Date.now() - statSync(copy).mtimeMs) > BACKUP_AGE_MS;
}

interface Content {
  readonly version: number;
  /** Null before the version in which a database has an identity. */
  readonly mark: LedgerMark | null;
  readonly postings: number;
}

/** Returns null for an absent or unreadable file. */
function contentOf(path: string): Content | null {
  if (!existsSync(path)) return null;
  try {
    const database = new Sqlite(path, { readonly: true, fileMustExist: true });
    try {
      return readContent(database);
    } finally {
      database.close();
    }
  } catch (cause) {
    if (cause instanceof Sqlite.SqliteError) return null;
    throw cause;
  }
}

function readContent(database: Database): Content {
  const version = Number(database.pragma('user_version', { simple: true }));
  const postings = 'SELECT coalesce(max(sequence), 0) FROM ledger_posting';
  return {
    version,
    mark: version >= CHECKSUMS_SINCE ? currentMark(database) : null,
    postings: version > 0 ? Number(database.prepare(postings).pluck().get()) : 0,
  };
}

function continues(database: Database, before: Content): boolean {
  if (before.mark !== null) {
    return readContent(database).version >= before.version && contains(database, before.mark);
  }
  return readContent(database).postings >= before.postings;
}

/** Forces the copy to disk, for which VACUUM INTO does not wait, before it replaces the previous copy. */
function flush(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
