/** Creates the table of benchmark runs with their conditions. */
import type { Migration } from '../migration.ts';

export const benchmarks: Migration = {
  version: 4,
  sql: `
    CREATE TABLE benchmark (
      id TEXT PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL,
      conditions TEXT NOT NULL CHECK (json_valid(conditions)),
      result TEXT NOT NULL CHECK (json_valid(result))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX benchmark_by_time ON benchmark (at_ms);
  `,
};
