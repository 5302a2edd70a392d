/**
 * Two handles of the database: one that can only read and one that also writes. They are different types, so that a
 * function's signature shows what it may do; the read handle also checks at run time.
 */
import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import { assert } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { StorageFault } from '../../../shared/presence.ts';
import { asStorageError, storageError } from '../../ports/storage.ts';
import { type LogSync, NO_LOG } from './log-sync.ts';
import { createWriteGroups, type WriteGroups } from './write-groups.ts';

export type Value = string | number | bigint | Buffer | null;

export interface ReadHandle {
  /** Returns the first row, or null. */
  get<Row>(sql: string, ...values: Value[]): Row | null;
  all<Row>(sql: string, ...values: Value[]): Row[];
  iterate<Row>(sql: string, ...values: Value[]): IterableIterator<Row>;
  /** Number of transactions and savepoints that were undone: what was read before may not be stored any more. */
  rollbacks(): number;
}

export interface WriteHandle extends ReadHandle {
  /**
   * Returns the number of rows changed. Changes nothing if it fails with `disk-full`, `disk-unwritable`, `home-in-use`,
   * `database-lost` or `database-corrupt`.
   */
  run(sql: string, ...values: Value[]): number;
  /** All or nothing; nested calls are savepoints. */
  transaction<T>(run: () => T): T;
}

/** Called around each write that isn't part of another one. */
export interface WriteGuard {
  /** Throws if nothing may be written now. */
  beforeWrite(): void;
  /** Called in the transaction of a write that changed rows, before its commit. */
  beforeCommit(): void;
  /** Called when it is on disk. */
  committed(): void;
  /** Called when a group is committed; the returned function is called when it is on disk. */
  markCommitted(): () => void;
  /** Also called for a failed read. */
  failed(error: unknown): void;
}

const NO_GUARD: WriteGuard = {
  beforeWrite: () => undefined,
  beforeCommit: () => undefined,
  committed: () => undefined,
  markCommitted: () => () => undefined,
  failed: () => undefined,
};

/** Creates both handles of one connection. Each statement is prepared once. `log` makes writes durable. */
export function openHandles(
  database: Database,
  guard: WriteGuard = NO_GUARD,
  log: LogSync = NO_LOG,
): { reader: ReadHandle; writer: WriteHandle; groups: WriteGroups } {
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
  const watched = <T>(run: () => T): T => {
    try {
      return translating(run);
    } catch (error) {
      guard.failed(error);
      throw error;
    }
  };
  const groups = createWriteGroups({ database, guard, log, translating });
  const reader: ReadHandle = {
    rollbacks: () => groups.rollbacks(),
    get: <Row>(sql: string, ...values: Value[]) =>
      watched(() => (prepareRead(sql).get(...values) as Row | undefined) ?? null),
    all: <Row>(sql: string, ...values: Value[]) => watched(() => prepareRead(sql).all(...values) as Row[]),
    iterate: <Row>(sql: string, ...values: Value[]) =>
      prepareRead(sql).iterate(...values) as IterableIterator<Row>,
  };
  const writer: WriteHandle = {
    ...reader,
    run: (sql, ...values) => groups.write(() => prepare(sql).run(...values).changes, false),
    transaction: (run) => groups.write(run, true),
  };
  return { reader, writer, groups };
}

/** Returns a handle that calls `pace` before each read and at each row. */
export function pacedReads<Handle extends ReadHandle>(handle: Handle, pace: () => void): Handle {
  return {
    ...handle,
    get(sql, ...values) {
      pace();
      return handle.get(sql, ...values);
    },
    all(sql, ...values) {
      pace();
      return handle.all(sql, ...values);
    },
    *iterate<Row>(sql: string, ...values: Value[]) {
      for (const row of handle.iterate<Row>(sql, ...values)) {
        pace();
        yield row;
      }
    },
  };
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

const CODES: readonly (readonly [RegExp, StorageFault])[] = [
  [/^SQLITE_FULL/, 'disk-full'],
  [/^SQLITE_(READONLY|IOERR|CANTOPEN|PERM)/, 'disk-unwritable'],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'database-damaged'],
];

/** Returns the fault of disk or file that SQLite's error shows, or null. */
export function sqliteFaultOf({ code }: { readonly code: string }): StorageFault | null {
  return CODES.find(([pattern]) => pattern.test(code))?.[1] ?? null;
}

/** Maps failures of the owner's disk to expected errors. Every other SQLite error is a bug and is thrown unchanged. */
export function translating<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof Sqlite.SqliteError)) throw asStorageError(cause);
    if (isLocked(cause)) throw lockedError(cause);
    const fault = sqliteFaultOf(cause);
    if (fault !== null) throw storageError(fault, { cause, details: { reason: cause.code } });
    throw cause;
  }
}
