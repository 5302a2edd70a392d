/**
 * Stores batches in a SQLite file of their own. Their prompts and answers stay out of the ledger's database, which is
 * verified, backed up and kept forever.
 */
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import { type StoredBatch, type StoredFile, storedBatchSchema } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BatchLine, BatchStore, LineState, ListPage } from '../../ports/batches.ts';
import { openHandles, translating, type Value, type WriteHandle } from './handles.ts';
import { LOCK_TIMEOUT_MS } from './integrity.ts';
import { createLogSync, NO_LOG } from './log-sync.ts';

/** Version of the tables below; another one's file is rejected. */
const VERSION = 1;
const TABLES = `
  CREATE TABLE file (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at_ms REAL NOT NULL
  ) STRICT;
  CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    is_open INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX open_batch ON batch (number) WHERE is_open = 1;
  CREATE TABLE line (
    batch INTEGER NOT NULL REFERENCES batch (number),
    line INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    offset INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    state INTEGER NOT NULL,
    jobs TEXT NOT NULL,
    peer TEXT,
    begun TEXT,
    failures INTEGER NOT NULL,
    result TEXT,
    charged TEXT,
    PRIMARY KEY (batch, line)
  ) STRICT;
  CREATE UNIQUE INDEX line_custom_id ON line (batch, custom_id);
  CREATE INDEX line_state ON line (batch, state, line);
`;

/** By stored number; the order must never change. */
const STATES: readonly LineState[] = ['waiting', 'sent', 'answered', 'failed'];

/** Opens or creates the store; `:memory:` creates one that exists only in this process. */
export function openBatchStore(path: string): BatchStore {
  const database = translating(() => new Database(path, { timeout: LOCK_TIMEOUT_MS }));
  try {
    translating(() => prepare(database, path));
  } catch (cause) {
    database.close();
    throw cause;
  }
  const log = path === ':memory:' ? NO_LOG : createLogSync(path);
  const { writer, groups } = openHandles(database, undefined, log);
  const deferred = <T>(run: () => T): T => groups.defer(run);
  return {
    ...fileStore(writer, deferred),
    ...batchStore(writer, deferred),
    ...lineStore(writer, deferred),
    transaction: (run) => deferred(() => writer.transaction(run)),
    durable: () => groups.durable(),
    close() {
      try {
        groups.flush();
      } finally {
        log.close();
        database.close();
      }
    },
  };
}

function prepare(database: Database.Database, path: string): void {
  if (path !== ':memory:') chmodSync(path, 0o600);
  database.pragma('journal_mode = WAL');
  // `log-sync.ts` waits for the disk.
  database.pragma('synchronous = NORMAL');
  database.pragma('foreign_keys = ON');
  // Answers that have moved to a file leave no trace here.
  database.pragma('secure_delete = ON');
  const version = Number(database.pragma('user_version', { simple: true }));
  if (version === 0) {
    database.transaction(() => {
      database.exec(TABLES);
      database.pragma(`user_version = ${VERSION}`);
    })();
  } else if (version !== VERSION) {
    throw new AppError('unsupported', `The batches in ${path} were written by another version of Idlewatt.`);
  }
}

type Deferred = <T>(run: () => T) => T;

interface FileRow {
  readonly id: string;
  readonly purpose: StoredFile['purpose'];
  readonly name: string;
  readonly bytes: number;
  readonly created_at_ms: number;
}

const toFile = ({ id, purpose, name, bytes, created_at_ms: createdAtMs }: FileRow): StoredFile => ({
  ...{ id, purpose, name, bytes, createdAtMs },
});

function fileStore(
  writer: WriteHandle,
  deferred: Deferred,
): Pick<BatchStore, 'insertFile' | 'findFile' | 'listFiles' | 'deleteFile' | 'usedBytes' | 'countFiles'> {
  return {
    insertFile: ({ id, purpose, name, bytes, createdAtMs }) =>
      void deferred(() =>
        writer.run(
          'INSERT INTO file (id, purpose, name, bytes, created_at_ms) VALUES (?, ?, ?, ?, ?)',
          ...[id, purpose, name, bytes, createdAtMs],
        ),
      ),
    findFile(id) {
      const row = writer.get<FileRow>('SELECT * FROM file WHERE id = ?', id);
      return row === null ? null : toFile(row);
    },
    listFiles: ({ purpose, ...page }) =>
      listPage<FileRow>(writer, page, {
        table: 'file',
        where: '(? IS NULL OR purpose = ?)',
        values: [purpose, purpose],
      }).map(toFile),
    deleteFile: (id) => void deferred(() => writer.run('DELETE FROM file WHERE id = ?', id)),
    usedBytes: () =>
      writer.get<{ bytes: number }>(
        `SELECT (SELECT COALESCE(SUM(bytes), 0) FROM file) +
           (SELECT COALESCE(SUM(LENGTH(result)), 0) FROM line WHERE state IN (2, 3)) AS bytes`,
      )?.bytes ?? 0,
    countFiles: () => writer.get<{ files: number }>('SELECT COUNT(*) AS files FROM file')?.files ?? 0,
  };
}

/** Rows after the one of an ID, by the order in which they were added. */
function listPage<Row>(
  writer: WriteHandle,
  { after, limit, isNewestFirst }: ListPage,
  {
    table,
    where,
    values,
  }: { readonly table: 'file' | 'batch'; readonly where: string; readonly values: readonly Value[] },
): readonly Row[] {
  const order = isNewestFirst ? { compare: '<', direction: 'DESC' } : { compare: '>', direction: 'ASC' };
  return writer.all<Row>(
    `SELECT * FROM ${table} WHERE ${where}
       AND (? IS NULL OR number ${order.compare} (SELECT number FROM ${table} WHERE id = ?))
     ORDER BY number ${order.direction} LIMIT ?`,
    ...[...values, after, after, limit],
  );
}

interface BatchRow {
  readonly body: string;
}

const toBatch = ({ body }: BatchRow): StoredBatch => storedBatchSchema.parse(JSON.parse(body));
const isOpen = ({ status }: StoredBatch): number =>
  ['validating', 'in_progress', 'finalizing', 'cancelling'].includes(status) ? 1 : 0;

function batchStore(
  writer: WriteHandle,
  deferred: Deferred,
): Pick<BatchStore, 'insertBatch' | 'findBatch' | 'listBatches' | 'openBatches' | 'updateBatch'> {
  function find(id: string): StoredBatch | null {
    const row = writer.get<BatchRow>('SELECT body FROM batch WHERE id = ?', id);
    return row === null ? null : toBatch(row);
  }
  return {
    insertBatch: (batch) =>
      void deferred(() =>
        writer.run(
          'INSERT INTO batch (id, is_open, body) VALUES (?, ?, ?)',
          ...[batch.id, isOpen(batch), JSON.stringify(batch)],
        ),
      ),
    findBatch: find,
    listBatches: (page) =>
      listPage<BatchRow>(writer, page, { table: 'batch', where: '1', values: [] }).map(toBatch),
    openBatches: () =>
      writer.all<BatchRow>('SELECT body FROM batch WHERE is_open = 1 ORDER BY number').map(toBatch),
    updateBatch(id, patch) {
      const known = find(id);
      if (known === null) throw new AppError('not-found', `No batch with the ID "${id}".`);
      const batch = { ...known, ...patch };
      deferred(() =>
        writer.run(
          'UPDATE batch SET is_open = ?, body = ? WHERE id = ?',
          ...[isOpen(batch), JSON.stringify(batch), id],
        ),
      );
      return batch;
    },
  };
}

interface LineRow {
  readonly line: number;
  readonly custom_id: string;
  readonly offset: number;
  readonly bytes: number;
  readonly state: number;
  readonly jobs: string;
  readonly peer: string | null;
  readonly begun: string | null;
  readonly failures: number;
  readonly result: string | null;
  readonly charged: string | null;
}

const NUMBER = '(SELECT number FROM batch WHERE id = ?)';

function lineStore(
  writer: WriteHandle,
  deferred: Deferred,
): Pick<BatchStore, 'addLines' | 'findLine' | 'lines' | 'updateLine' | 'deleteLines'> {
  const toLine = (batchId: string, row: LineRow): BatchLine => ({
    batchId,
    line: row.line,
    customId: row.custom_id,
    offset: row.offset,
    bytes: row.bytes,
    state: STATES[row.state] ?? 'failed',
    jobs: row.jobs === '' ? [] : row.jobs.split(' '),
    peer: row.peer,
    begun: row.begun,
    failures: row.failures,
    result: row.result,
    charged: row.charged,
  });
  function find(batchId: string, line: number): BatchLine | null {
    const row = writer.get<LineRow>(`SELECT * FROM line WHERE batch = ${NUMBER} AND line = ?`, batchId, line);
    return row === null ? null : toLine(batchId, row);
  }
  return {
    addLines: (batchId, lines) =>
      deferred(() =>
        writer.transaction(() => {
          const taken: number[] = [];
          for (const { line, customId, offset, bytes } of lines) {
            const added = writer.run(
              `INSERT INTO line (batch, line, custom_id, offset, bytes, state, jobs, failures)
               VALUES (${NUMBER}, ?, ?, ?, ?, 0, '', 0) ON CONFLICT (batch, custom_id) DO NOTHING`,
              ...[batchId, line, customId, offset, bytes],
            );
            if (added === 0) taken.push(line);
          }
          return taken;
        }),
      ),
    findLine: find,
    lines: (batchId, state, afterLine, limit) =>
      writer
        .all<LineRow>(
          `SELECT * FROM line WHERE batch = ${NUMBER} AND state = ? AND line > ? ORDER BY line LIMIT ?`,
          ...[batchId, STATES.indexOf(state), afterLine, limit],
        )
        .map((row) => toLine(batchId, row)),
    updateLine(batchId, number, patch) {
      const known = find(batchId, number);
      if (known === null) throw new AppError('not-found', `Batch "${batchId}" has no line ${number}.`);
      const { state, jobs, peer, begun, failures, result, charged } = { ...known, ...patch };
      deferred(() =>
        writer.run(
          `UPDATE line SET state = ?, jobs = ?, peer = ?, begun = ?, failures = ?, result = ?, charged = ?
           WHERE batch = ${NUMBER} AND line = ?`,
          ...[STATES.indexOf(state), jobs.join(' '), peer, begun, failures, result, charged, batchId, number],
        ),
      );
    },
    deleteLines: (batchId) =>
      void deferred(() => writer.run(`DELETE FROM line WHERE batch = ${NUMBER}`, batchId)),
  };
}
