/** Checks a database that was unpacked from a backup, and compares it with the one that it would replace. */
import Database from 'better-sqlite3';
import { storageError } from '../../ports/storage.ts';
import { openDatabase } from './database.ts';
import { translating } from './handles.ts';
import { LOCK_TIMEOUT_MS } from './integrity.ts';
import { contains, currentMark, type LedgerMark } from './ledger-mark.ts';

/**
 * Verifies every row and ledger entry of the database, and brings one of an earlier version to the present one, so that
 * nothing is left that could fail after it has replaced another. Fails like {@link openDatabase}.
 */
export function prepareRestored(path: string): void {
  const database = openDatabase(path, { readFirstBytesMax: Number.POSITIVE_INFINITY });
  const fault = database.storage.fault();
  database.close();
  if (fault === 'database-damaged') throw storageError(fault);
}

export interface DatabaseComparison {
  readonly entries: number;
  readonly entriesHere: number;
  /** Number of entries here that the other database lacks. */
  readonly entriesLost: number;
  readonly isSameLedger: boolean;
}

/** Compares a database with the one in use, which may have been written to since. Both are of the present version. */
export function compareDatabases(path: string, here: string): DatabaseComparison {
  const other = openPlain(path);
  const current = openPlain(here);
  try {
    const mark = entriesOf(other);
    const markHere = entriesOf(current);
    const isBehind = contains(current, mark);
    const isSameLedger = isBehind || contains(other, markHere);
    return {
      entries: mark.sequence,
      entriesHere: markHere.sequence,
      entriesLost: isSameLedger ? Math.max(0, markHere.sequence - mark.sequence) : markHere.sequence,
      isSameLedger,
    };
  } finally {
    other.close();
    current.close();
  }
}

function openPlain(path: string): Database.Database {
  return translating(
    () => new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS }),
  );
}

/** Only the ledger counts: other rows change with every second that an agent runs. */
function entriesOf(database: Database.Database): LedgerMark {
  return { ...currentMark(database), revision: 0 };
}
