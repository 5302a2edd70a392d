/**
 * The mark outside the database: which database this is and how far its ledger and its other rows had come. A file that
 * was deleted, replaced, or rolled back by a lost write-ahead log is recognized by it, because the mark is ahead of it.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { GENESIS } from './ledger-chain.ts';

const markSchema = z.object({
  format: z.literal('idlewatt-mark-1'),
  database: z.string(),
  /** Sequence number and hash of the newest posting. */
  sequence: z.number().int().nonnegative(),
  hash: z.string(),
  /** Number of commits that changed other rows only; marks of earlier versions have none. */
  revision: z.number().int().nonnegative().default(0),
});
export type LedgerMark = Omit<z.infer<typeof markSchema>, 'format'>;

export function markPath(path: string): string {
  return `${path}.mark`;
}

/** The record that counts the commits without a ledger entry. */
export const REVISION = { collection: 'storage', key: 'revision' } as const;

/** Returns the path of the copy that is made when the database file is lost while it is in use. */
export function rescuePath(path: string): string {
  return `${path}.rescued`;
}

/** Returns null if there is none. An unreadable mark counts as none: it protects the database, not the reverse. */
export function readMark(path: string): LedgerMark | null {
  if (!existsSync(markPath(path))) return null;
  try {
    return markSchema.parse(JSON.parse(readFileSync(markPath(path), 'utf8')));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof z.ZodError) return null;
    throw cause;
  }
}

/** Replaces the mark atomically; with `flush` it is on disk afterwards. */
export function writeMark(path: string, mark: LedgerMark, flush: boolean): void {
  const unfinished = `${markPath(path)}.part`;
  const file = openSync(unfinished, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify({ format: 'idlewatt-mark-1', ...mark })}\n`);
    if (flush) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, markPath(path));
}

/** Returns how far the ledger in a database of a version with an identity has come. */
export function currentMark(database: Database): LedgerMark {
  const head = database.prepare('SELECT sequence, hash FROM ledger_head').get() as
    | { sequence: number; hash: string }
    | undefined;
  const id = database.prepare('SELECT id FROM database_identity').pluck().get();
  const revision = database
    .prepare('SELECT value FROM record WHERE collection = ? AND key = ?')
    .pluck()
    .get(REVISION.collection, REVISION.key);
  return {
    database: String(id),
    sequence: head?.sequence ?? 0,
    hash: head?.hash ?? GENESIS,
    revision: Number(revision ?? 0),
  };
}

/** True if nothing was committed between the two marks of one database. */
export function isSameMark(left: LedgerMark, right: LedgerMark | null): boolean {
  return left.sequence === right?.sequence && left.revision === right.revision;
}

/** True if this database contains everything up to the mark, unchanged. */
export function contains(database: Database, mark: LedgerMark): boolean {
  const current = currentMark(database);
  if (current.database !== mark.database || current.sequence < mark.sequence) return false;
  if (current.revision < mark.revision) return false;
  // A changed entry at the end is damage, not another history: the ledger's own check reports it.
  if (current.sequence === mark.sequence) return current.hash === mark.hash;
  if (mark.sequence === 0) return true;
  // Bytes since migration 8, hexadecimal digits before it.
  const hash = database
    .prepare(
      "SELECT iif(typeof(hash) = 'blob', lower(hex(hash)), hash) FROM ledger_posting WHERE sequence = ?",
    )
    .pluck()
    .get(mark.sequence);
  return hash === mark.hash;
}

/** The failure for a missing or empty file where a database was. */
export function missingError(path: string, backup: string): AppError {
  const mark = readMark(path);
  const entries = mark === null ? '' : `, although its ledger had ${mark.sequence} entries`;
  const copy = existsSync(backup)
    ? `copy ${backup} to ${path} and move ${markPath(path)} to another folder`
    : null;
  const rescued = existsSync(rescuePath(path)) ? `, or rename ${rescuePath(path)} to ${path}` : '';
  return new AppError(
    'database-lost',
    `The database ${path} is missing${entries}. No new one was created. Put the file back with its -wal file${rescued}` +
      `${copy === null ? '' : `, or ${copy}`}, then start again. To begin with an empty ledger instead, move ` +
      `${path}.backup and ${markPath(path)} to another folder.`,
    { details: { path, sequence: mark?.sequence ?? null } },
  );
}

/** The failure for a database that lacks what the mark proves. */
export function olderError(path: string, current: LedgerMark, mark: LedgerMark): AppError {
  const isOlder = 'it is older, or its write-ahead log is lost';
  let what = `has another entry ${mark.sequence} than the ledger had`;
  if (current.database !== mark.database) what = 'is not the one that was used here before';
  else if (current.sequence < mark.sequence) {
    what = `ends with entry ${current.sequence}, but the ledger had entry ${mark.sequence}: ${isOlder}`;
  } else if (current.revision < mark.revision) {
    what = `ends with change ${current.revision}, but there was change ${mark.revision}: ${isOlder}`;
  }
  return new AppError(
    'database-lost',
    `The database ${path} ${what}. It was left untouched. Put the newest file back with its -wal file, then start ` +
      `again. To continue with this one, move ${markPath(path)} to another folder: later entries are lost.`,
    {
      details: {
        path,
        sequence: current.sequence,
        expected: mark.sequence,
        revision: current.revision,
        expectedRevision: mark.revision,
      },
    },
  );
}
