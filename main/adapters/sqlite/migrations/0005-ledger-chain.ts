/**
 * Chains the postings by hash, keeps each one's peer, and keeps running sums by channel and by quarter of an
 * hour, so that neither a report nor a start has to read every line. What was booked before is chained and
 * summed here.
 */

import { amount } from '../../../../shared/money.ts';
import type { KeptPosting, LedgerLine, Posting } from '../../../ports/ledger.ts';
import { openHandles, type ReadHandle } from '../handles.ts';
import { GENESIS, linesText, postingHash } from '../ledger-chain.ts';
import { addToSums, createSums, writeSums } from '../ledger-sums.ts';
import type { Migration } from './index.ts';

const PAGE = 1_000;

export const ledgerChain: Migration = {
  version: 5,
  sql: `
    ALTER TABLE ledger_posting ADD COLUMN peer TEXT;
    ALTER TABLE ledger_posting ADD COLUMN hash TEXT CHECK (length(hash) = 64);

    CREATE TABLE ledger_channel_sum (
      account TEXT NOT NULL,
      channel_id TEXT NOT NULL,
      amount TEXT NOT NULL,
      PRIMARY KEY (account, channel_id)
    ) STRICT, WITHOUT ROWID;
    -- Everything stands here twice, by model and by peer: both at once would be as many rows as there are jobs.
    -- An empty name means that there is none.
    CREATE TABLE ledger_flow (
      account TEXT NOT NULL,
      asset_id TEXT NOT NULL,
      by TEXT NOT NULL CHECK (by IN ('model', 'peer')),
      from_ms INTEGER NOT NULL,
      name TEXT NOT NULL,
      amount TEXT NOT NULL,
      jobs INTEGER NOT NULL,
      PRIMARY KEY (account, asset_id, by, from_ms, name)
    ) STRICT, WITHOUT ROWID;
    -- The balances as they were after this posting, so that a start adds up only what came later.
    CREATE TABLE ledger_checkpoint (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      sequence INTEGER NOT NULL,
      hash TEXT NOT NULL,
      balances TEXT NOT NULL CHECK (json_valid(balances))
    ) STRICT;

    -- The sums took their place; each index costs every booking time and space.
    DROP INDEX ledger_line_by_time;
    DROP INDEX ledger_line_by_channel;

    -- The same refusals as before in one step for each row instead of two or three.
    DROP TRIGGER ledger_posting_no_replace;
    DROP TRIGGER ledger_line_no_replace;
    DROP TRIGGER ledger_line_only_newest;
    CREATE TRIGGER ledger_posting_only_new BEFORE INSERT ON ledger_posting
      WHEN NEW.sequence <= (SELECT max(sequence) FROM ledger_posting)
        OR EXISTS (SELECT 1 FROM ledger_posting WHERE key = NEW.key)
        OR (NEW.reverses IS NOT NULL AND EXISTS (SELECT 1 FROM ledger_posting WHERE reverses = NEW.reverses))
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;
    CREATE TRIGGER ledger_line_only_new BEFORE INSERT ON ledger_line
      WHEN NEW.posting <> (SELECT max(sequence) FROM ledger_posting)
        OR EXISTS (SELECT 1 FROM ledger_line WHERE posting = NEW.posting AND position = NEW.position)
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;

    DROP TRIGGER ledger_posting_no_update;
    UPDATE ledger_posting SET peer = (SELECT body ->> '$.peer' FROM job WHERE job.id = job_id)
      WHERE job_id IS NOT NULL;
  `,
  fill(database) {
    const { writer } = openHandles(database);
    const sums = createSums();
    let previous = GENESIS;
    let after = 0;
    for (;;) {
      const page = readPostings(writer, after, PAGE);
      for (const { sequence, posting } of page) {
        previous = postingHash(previous, sequence, posting, linesText(posting.lines));
        writer.run('UPDATE ledger_posting SET hash = ? WHERE sequence = ?', previous, sequence);
        addToSums(sums, posting);
        after = sequence;
      }
      if (page.length < PAGE) break;
    }
    // The balances are there since the first step.
    writeSums(writer, { ...sums, balances: new Map() });
    database.exec(`CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;`);
  },
};

/** As the tables were at this version; today's code reads today's. */
function readPostings(reader: ReadHandle, afterSequence: number, limit: number): KeptPosting[] {
  const rows = reader.all<PostingRow>(
    `SELECT sequence, hash, key, at_ms AS atMs, kind, description, job_id AS jobId, model, peer, tx_hash AS txHash,
       reverses FROM ledger_posting WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    afterSequence,
    limit,
  );
  return rows.map(({ sequence, hash, ...said }) => {
    const lines = reader
      .all<LineRow>(
        `SELECT account, asset_id AS assetId, amount, channel_id AS channelId FROM ledger_line
         WHERE posting = ? ORDER BY position`,
        sequence,
      )
      .map((line) => ({ ...line, amount: amount(line.amount) }));
    return { sequence, hash, posting: { ...said, lines } };
  });
}

type PostingRow = Omit<Posting, 'lines'> & { sequence: number; hash: string | null };
type LineRow = Omit<LedgerLine, 'amount'> & { amount: string };
