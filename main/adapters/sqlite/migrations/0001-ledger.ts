/** Creates the double-entry tables: immutable postings and lines, and the running balances. */
import type { Migration } from '../migration.ts';

export const ledger: Migration = {
  version: 1,
  sql: `
    CREATE TABLE ledger_posting (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL UNIQUE,
      at_ms INTEGER NOT NULL,
      kind TEXT NOT NULL,
      description TEXT NOT NULL,
      job_id TEXT,
      model TEXT,
      tx_hash TEXT,
      reverses TEXT UNIQUE REFERENCES ledger_posting (key)
    ) STRICT;
    CREATE INDEX ledger_posting_by_kind ON ledger_posting (kind, sequence);

    -- at_ms repeats the posting's value, so that a sum over a time span needs only one index.
    -- Amounts are decimal text, because a chain's integers are wider than 64 bits.
    CREATE TABLE ledger_line (
      posting INTEGER NOT NULL REFERENCES ledger_posting (sequence),
      position INTEGER NOT NULL,
      account TEXT NOT NULL,
      asset_id TEXT NOT NULL,
      amount TEXT NOT NULL CHECK (
        (amount GLOB '[1-9]*' OR amount GLOB '-[1-9]*') AND substr(amount, 2) NOT GLOB '*[^0-9]*'
      ),
      channel_id TEXT,
      at_ms INTEGER NOT NULL,
      PRIMARY KEY (posting, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ledger_line_by_time ON ledger_line (account, asset_id, at_ms, amount);
    CREATE INDEX ledger_line_by_channel ON ledger_line (account, channel_id) WHERE channel_id IS NOT NULL;

    CREATE TABLE ledger_balance (
      account TEXT NOT NULL,
      asset_id TEXT NOT NULL,
      amount TEXT NOT NULL,
      PRIMARY KEY (account, asset_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_posting_no_delete BEFORE DELETE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_line_no_update BEFORE UPDATE ON ledger_line
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_line_no_delete BEFORE DELETE ON ledger_line
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    -- INSERT OR REPLACE deletes conflicting rows without firing the triggers above, so it is rejected beforehand.
    CREATE TRIGGER ledger_posting_no_replace BEFORE INSERT ON ledger_posting
      WHEN EXISTS (
        SELECT 1 FROM ledger_posting
        WHERE key = NEW.key OR sequence = NEW.sequence OR reverses = NEW.reverses
      )
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_line_no_replace BEFORE INSERT ON ledger_line
      WHEN EXISTS (SELECT 1 FROM ledger_line WHERE posting = NEW.posting AND position = NEW.position)
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_line_only_newest BEFORE INSERT ON ledger_line
      WHEN NEW.posting <> (SELECT max(sequence) FROM ledger_posting)
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
  `,
};
