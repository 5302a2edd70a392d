/** Checksums of the tables' definitions and of the rows that no hash chain covers, compared when a database is verified. */
import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';

/** Schema version from which every row has one. */
export const CHECKSUMS_SINCE = 7;

/** SQL that computes each table's checksum, and the table's key for messages. The form must never change. */
const CHECKSUM_SQL = {
  job: 'row_checksum(id, body, paid)',
  job_event: 'row_checksum(job_id, position, at_ms, state, note)',
  record: 'row_checksum(collection, key, value)',
  benchmark: 'row_checksum(id, at_ms, kind, conditions, result)',
} as const;

const KEYS: Readonly<Record<keyof typeof CHECKSUM_SQL, string>> = {
  job: 'id',
  job_event: "job_id || ' ' || position",
  record: "collection || ' ' || key",
  benchmark: 'id',
};

/** Returns 16 hexadecimal digits for the stored values of a row, in the order of its columns. */
export function rowChecksum(...values: unknown[]): string {
  return hash('sha256', JSON.stringify(values)).slice(0, 16);
}

/** Makes `row_checksum` available in this connection's SQL. */
export function addChecksumFunction(database: Database): void {
  database.function('row_checksum', { varargs: true, deterministic: true }, rowChecksum);
}

/** Returns the first row that isn't as it was written, or null. */
export function findChangedRow(database: Database): string | null {
  addChecksumFunction(database);
  for (const [table, sql] of Object.entries(CHECKSUM_SQL)) {
    const key = KEYS[table as keyof typeof CHECKSUM_SQL];
    const changed = database
      .prepare(`SELECT ${key} FROM ${table} WHERE checksum IS NOT ${sql} LIMIT 1`)
      .pluck();
    const found = changed.get();
    if (found !== undefined) return `The row "${String(found)}" of the table ${table} was changed.`;
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
