/** Checksums of the tables' definitions and of the rows that no hash chain covers, compared when a database is verified. */
import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';

/** Schema version from which every row has one. */
export const CHECKSUMS_SINCE = 7;

/** Version from which jobs are compact rows, and shared texts exist. */
export const COMPACT_SINCE = 8;

/** Version from which old jobs are folded into sums. */
const FOLDS_SINCE = 9;

/** SQL that computes each table's checksum, and the table's key for messages. The form must never change. */
const CHECKSUM_SQL = {
  shared_text: 'row_checksum(number, text)',
  job: `row_checksum(id, side, state, paid, created_at_ms, model, peer, payer, channel, asset, input_tokens,
    output_tokens, charged, cumulative, signer, signature, body)`,
  record: 'row_checksum(collection, key, value)',
  benchmark: 'row_checksum(id, at_ms, kind, conditions, result)',
  job_fold: `row_checksum(day_ms, side, outcome, model, peer, asset, jobs, charged_jobs, charged, input_tokens,
    output_tokens)`,
} as const;

/** The same for databases that were written before {@link COMPACT_SINCE}. */
const OLDER_SQL = {
  job: 'row_checksum(id, body, paid)',
  job_event: 'row_checksum(job_id, position, at_ms, state, note)',
  record: CHECKSUM_SQL.record,
  benchmark: CHECKSUM_SQL.benchmark,
} as const;

const KEYS: Readonly<Record<keyof typeof CHECKSUM_SQL | keyof typeof OLDER_SQL, string>> = {
  shared_text: 'number',
  job: `CASE typeof(id) WHEN 'blob' THEN lower(concat_ws('-', substr(hex(id), 1, 8), substr(hex(id), 9, 4),
    substr(hex(id), 13, 4), substr(hex(id), 17, 4), substr(hex(id), 21))) ELSE id END`,
  job_event: "job_id || ' ' || position",
  record: "collection || ' ' || key",
  benchmark: 'id',
  job_fold: "day_ms || ' ' || side || ' ' || outcome || ' ' || model || ' ' || peer || ' ' || asset",
};

/** Returns 16 hexadecimal digits for the stored values of a row, in the order of its columns. Bytes count as hexadecimal. */
export function rowChecksum(...values: unknown[]): string {
  const plain = values.map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value));
  return hash('sha256', JSON.stringify(plain)).slice(0, 16);
}

/** Makes `row_checksum` available in this connection's SQL. */
export function addChecksumFunction(database: Database): void {
  database.function('row_checksum', { varargs: true, deterministic: true }, rowChecksum);
}

/** Returns the first row that isn't as it was written, or null. Calls `pace` at each row. */
export function findChangedRow(database: Database, pace: () => void = () => undefined): string | null {
  addChecksumFunction(database);
  const version = Number(database.pragma('user_version', { simple: true }));
  for (const [table, sql] of Object.entries(version < COMPACT_SINCE ? OLDER_SQL : CHECKSUM_SQL)) {
    if (table === 'job_fold' && version < FOLDS_SINCE) continue;
    const key = KEYS[table as keyof typeof KEYS];
    const rows = database
      .prepare(`SELECT iif(checksum IS ${sql}, NULL, ${key}) FROM ${table}`)
      .pluck()
      .iterate();
    for (const changed of rows) {
      pace();
      if (changed !== null) return `The row "${String(changed)}" of the table ${table} was changed.`;
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
