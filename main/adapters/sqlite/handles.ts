/**
 * Two handles of the database: one that can only read and one that also writes. They are different types, so that a
 * function's signature shows what it may do; the read handle also checks at run time.
 */
import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';

export type Value = string | number | bigint | null;

export interface ReadHandle {
  /** Returns the first row, or null. */
  get<Row>(sql: string, ...values: Value[]): Row | null;
  all<Row>(sql: string, ...values: Value[]): Row[];
  iterate<Row>(sql: string, ...values: Value[]): IterableIterator<Row>;
}

export interface WriteHandle extends ReadHandle {
  /** Returns the number of rows changed. Fails with `disk-full`, `home-in-use` or `database-corrupt` and changes nothing. */
  run(sql: string, ...values: Value[]): number;
  /** All or nothing; nested calls are savepoints. */
  transaction<T>(run: () => T): T;
}

/** Creates both handles of one connection. Each statement is prepared once. */
export function openHandles(database: Database): { reader: ReadHandle; writer: WriteHandle } {
  const prepared = new Map<string, Statement>();
  const prepare = (sql: string): Statement => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
  const prepareRead = (sql: string): Statement => {
    const statement = prepare(sql);
    assert(statement.readonly, 'a read handle must not run a statement that writes');
    return statement;
  };
  const reader: ReadHandle = {
    get: <Row>(sql: string, ...values: Value[]) =>
      (prepareRead(sql).get(...values) as Row | undefined) ?? null,
    all: <Row>(sql: string, ...values: Value[]) => prepareRead(sql).all(...values) as Row[],
    iterate: <Row>(sql: string, ...values: Value[]) =>
      prepareRead(sql).iterate(...values) as IterableIterator<Row>,
  };
  const writer: WriteHandle = {
    ...reader,
    run: (sql, ...values) => translating(() => prepare(sql).run(...values).changes),
    transaction: (run) => translating(() => database.transaction(run)()),
  };
  return { reader, writer };
}

/** True if another program locks the file: it is not damaged, only unavailable right now. */
export function isLocked(cause: unknown): boolean {
  return cause instanceof Sqlite.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(cause.code);
}

export function lockedError(cause: unknown): AppError {
  return new AppError(
    'home-in-use',
    'Another program has locked the database. Nothing was changed. Close that program (a database browser, a backup ' +
      'tool, another Idlewatt) and try again.',
    { cause },
  );
}

/** Maps failures of the owner's disk to expected errors. Every other SQLite error is a bug and is thrown unchanged. */
export function translating<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof Sqlite.SqliteError)) throw cause;
    const details = { reason: cause.code };
    if (cause.code.startsWith('SQLITE_FULL')) {
      throw new AppError('disk-full', 'The disk is full, so nothing more can be saved. Free some space.', {
        cause,
        details,
      });
    }
    if (isLocked(cause)) throw lockedError(cause);
    if (cause.code.startsWith('SQLITE_CORRUPT')) {
      throw new AppError('database-corrupt', 'The database file was damaged while it was open.', {
        cause,
        details,
      });
    }
    throw cause;
  }
}
