/**
 * A posting and its lines become one row: they are written, read, hashed and trusted together, and one row
 * costs half of what three did. What the hashes cover stays the same text.
 */
import type { Migration } from './index.ts';

export const postingsWithLines: Migration = {
  version: 6,
  sql: `
    DROP INDEX ledger_posting_by_kind;
    DROP TRIGGER ledger_posting_no_update;
    DROP TRIGGER ledger_posting_no_delete;
    DROP TRIGGER ledger_posting_only_new;
    DROP TRIGGER ledger_line_no_update;
    DROP TRIGGER ledger_line_no_delete;
    DROP TRIGGER ledger_line_only_new;
    ALTER TABLE ledger_posting RENAME TO ledger_posting_before;

    -- lines: JSON of [account, asset, amount, channel]; an amount is decimal text, since a chain's integers are
    -- wider than 64 bits.
    CREATE TABLE ledger_posting (
      sequence INTEGER PRIMARY KEY,
      hash TEXT CHECK (length(hash) = 64),
      key TEXT NOT NULL UNIQUE,
      at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL,
      description TEXT NOT NULL,
      job_id TEXT,
      model TEXT,
      peer TEXT,
      tx_hash TEXT,
      reverses TEXT REFERENCES ledger_posting (key),
      lines TEXT NOT NULL CHECK (json_valid(lines))
    ) STRICT;
    -- How far the books were written: an entry that is cut off at the end is missed by it.
    CREATE TABLE ledger_head (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      sequence INTEGER NOT NULL,
      hash TEXT NOT NULL
    ) STRICT;

    INSERT INTO ledger_posting
      SELECT sequence, hash, key, at_ms, kind, description, job_id, model, peer, tx_hash, reverses, (
        SELECT json_group_array(json_array(account, asset_id, amount, channel_id)) FROM (
          SELECT account, asset_id, amount, channel_id FROM ledger_line
          WHERE posting = ledger_posting_before.sequence ORDER BY position
        )
      ) FROM ledger_posting_before ORDER BY sequence;
    INSERT INTO ledger_head
      SELECT 1, seq, coalesce(
        (SELECT hash FROM ledger_posting ORDER BY sequence DESC LIMIT 1),
        '0000000000000000000000000000000000000000000000000000000000000000'
      ) FROM sqlite_sequence WHERE name = 'ledger_posting_before';
    DROP TABLE ledger_line;
    DROP TABLE ledger_posting_before;

    CREATE INDEX ledger_posting_by_kind ON ledger_posting (kind, sequence);
    -- Most take nothing back, and an index over all of them costs every booking.
    CREATE UNIQUE INDEX ledger_posting_by_reversed ON ledger_posting (reverses) WHERE reverses IS NOT NULL;
    CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    -- INSERT OR REPLACE deletes what is in its way without the trigger above, unless it never begins.
    CREATE TRIGGER ledger_posting_only_new BEFORE INSERT ON ledger_posting
      WHEN NEW.sequence <= (SELECT max(sequence) FROM ledger_posting)
        OR EXISTS (SELECT 1 FROM ledger_posting WHERE key = NEW.key)
        OR (NEW.reverses IS NOT NULL AND EXISTS (SELECT 1 FROM ledger_posting WHERE reverses = NEW.reverses))
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
  `,
};
