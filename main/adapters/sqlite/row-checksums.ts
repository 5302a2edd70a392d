/** Checksums of the tables' definitions and of the rows that no hash chain covers, compared when a database is verified. */
import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { longId } from './short-ids.ts';

/** Schema version from which every row has one. */
export const CHECKSUMS_SINCE = 7;

/** Version from which jobs are compact rows, and shared texts exist. */
export const COMPACT_SINCE = 8;

/** Version from which old jobs are folded into sums. */
const FOLDS_SINCE = 9;

/** The columns that each table's checksum covers, in their order. The form must never change. */
const COVERED = {
  shared_text: 'number, text',
  job: `id, side, state, paid, created_at_ms, model, peer, payer, channel, asset, input_tokens,
    output_tokens, charged, cumulative, signer, signature, body`,
  record: 'collection, key, value',
  benchmark: 'id, at_ms, kind, conditions, result',
  job_fold: `day_ms, side, outcome, model, peer, asset, jobs, charged_jobs, charged, input_tokens,
    output_tokens`,
} as const;

/** The same for databases that were written before {@link COMPACT_SINCE}. */
const OLDER = {
  job: 'id, body, paid',
  job_event: 'job_id, position, at_ms, state, note',
  record: COVERED.record,
  benchmark: COVERED.benchmark,
} as const;

/** Number of the columns, of those above, that name a row in messages. */
const KEY_COLUMNS: Readonly<Record<keyof typeof COVERED | keyof typeof OLDER, number>> = {
  shared_text: 1,
  job: 1,
  job_event: 2,
  record: 2,
  benchmark: 1,
  job_fold: 6,
};

/** Returns 16 hexadecimal digits for the stored values of a row, in the order of its columns. Bytes count as hexadecimal. */
export function rowChecksum(...values: unknown[]): string {
  const plain = values.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value));
  return hash('sha256', JSON.stringify(plain)).slice(0, 16);
}

/** Returns the first row that isn't as it was written, or null. Calls `pace` at each row. */
export function findChangedRow(database: Database, pace: () => void = () => undefined): string | null {
  const version = Number(database.pragma('user_version', { simple: true }));
  for (const [table, columns] of Object.entries(version < COMPACT_SINCE ? OLDER : COVERED)) {
    if (table === 'job_fold' && version < FOLDS_SINCE) continue;
    const rows = database.prepare(`SELECT checksum, ${columns} FROM ${table}`).raw().iterate();
    for (const row of rows as IterableIterator<unknown[]>) {
      pace();
      const [checksum, ...values] = row;
      if (checksum === rowChecksum(...values)) continue;
      const key = values.slice(0, KEY_COLUMNS[table as keyof typeof KEY_COLUMNS]);
      const name = key.map((part) => (Buffer.isBuffer(part) ? longId(part) : String(part))).join(' ');
      return `The row "${name}" of the table ${table} was changed.`;
    }
  }
  return null;
}

/** Stores the checksum of the definitions as they are now; call it in the transaction that changed them. */
export function saveSchemaChecksum(database: Database): void {
  database.prepare('UPDATE database_identity SET schema = ?').run(schemaChecksum(database));
}

/** Returns the problem if a table or an index isn't defined as the migrations did it, or null. */
export function findChangedSchema(database: Database): string | null {
  const stored = database.prepare('SELECT schema FROM database_identity').pluck().get();
  return stored === schemaChecksum(database) ? null : 'The definitions of its tables were changed.';
}

/** Leaves out what a copy changes: the places in the file, and what SQLite made for itself. */
function schemaChecksum(database: Database): string {
  const definitions = database
    .prepare(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema
       WHERE type IN ('table', 'index') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .raw()
    .all();
  return rowChecksum(...definitions);
}
