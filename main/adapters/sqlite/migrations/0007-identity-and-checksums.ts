/**
 * Gives the database a random ID, so that it can't be confused with another one, and a checksum to each row of jobs,
 * events, records and benchmarks, so that changed bits are found. The postings have their hash chain.
 */
import { hash } from 'node:crypto';
import type { Migration } from '../migration.ts';

export const identityAndChecksums: Migration = {
  version: 7,
  sql: `
    CREATE TABLE database_identity (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      id TEXT NOT NULL CHECK (length(id) = 32),
      -- Checksum of the definitions of tables and indexes, renewed by each migration.
      schema TEXT
    ) STRICT;
    INSERT INTO database_identity (one, id) VALUES (1, lower(hex(randomblob(16))));
    -- The first 16 hexadecimal digits of the sha256 over the JSON of the row's other stored columns, in their order.
    ALTER TABLE job ADD COLUMN checksum TEXT;
    ALTER TABLE job_event ADD COLUMN checksum TEXT;
    ALTER TABLE record ADD COLUMN checksum TEXT;
    ALTER TABLE benchmark ADD COLUMN checksum TEXT;
  `,
  fill(database) {
    database.function('row_checksum', { varargs: true, deterministic: true }, (...values: unknown[]) =>
      hash('sha256', JSON.stringify(values)).slice(0, 16),
    );
    database.exec(`
      UPDATE job SET checksum = row_checksum(id, body, paid);
      UPDATE job_event SET checksum = row_checksum(job_id, position, at_ms, state, note);
      UPDATE record SET checksum = row_checksum(collection, key, value);
      UPDATE benchmark SET checksum = row_checksum(id, at_ms, kind, conditions, result);
    `);
  },
};
