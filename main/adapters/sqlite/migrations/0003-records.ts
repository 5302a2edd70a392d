/** Creates the store of JSON texts by collection and key: payment channels, settings, the owner's pause. */
import type { Migration } from '../migration.ts';

export const records: Migration = {
  version: 3,
  sql: `
    CREATE TABLE record (
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL CHECK (json_valid(value)),
      PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID;
  `,
};
