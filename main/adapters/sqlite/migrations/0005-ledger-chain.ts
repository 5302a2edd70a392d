/**
 * Chains the postings by hash, stores each one's peer, and keeps running sums by channel and by quarter of an hour, so
 * that neither a report nor a start has to read every line. Existing postings are chained and summed here.
 *
 * Everything that it computes with is written down in this file: later changes to the ledger's code don't reach it.
 */
import { hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { Migration } from '../migration.ts';

const PAGE = 1_000;
/** The previous hash of the first posting. */
const GENESIS = '0'.repeat(64);
const QUARTER_MS = 15 * 60_000;
/** Separates the key columns of a sum. The last column may contain it. */
const SEPARATOR = '\0';

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
    -- Every flow is stored twice, by model and by peer: one row per pair would be as many rows as there are jobs.
    -- An empty name means none.
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
    -- The balances after this posting, so that a start adds up only later postings.
    CREATE TABLE ledger_checkpoint (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      sequence INTEGER NOT NULL,
      hash TEXT NOT NULL,
      balances TEXT NOT NULL CHECK (json_valid(balances))
    ) STRICT;

    -- Replaced by the sums: each index costs time and space at every append.
    DROP INDEX ledger_line_by_time;
    DROP INDEX ledger_line_by_channel;

    -- The same rejections as before in one trigger per row instead of two or three.
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
    const sums: Sums = { channels: new Map(), flows: new Map() };
    const setHash = database.prepare('UPDATE ledger_posting SET hash = ? WHERE sequence = ?');
    let previous = GENESIS;
    let after = 0;
    for (;;) {
      const page = readPostings(database, after);
      for (const posting of page) {
        previous = postingHash(previous, posting);
        setHash.run(previous, posting.sequence);
        addToSums(sums, posting);
        after = posting.sequence;
      }
      if (page.length < PAGE) break;
    }
    writeSums(database, sums);
    database.exec(`CREATE TRIGGER ledger_posting_no_update BEFORE UPDATE ON ledger_posting
      BEGIN SELECT RAISE(ABORT, 'the ledger is immutable'); END;`);
  },
};

interface Line {
  readonly account: string;
  readonly assetId: string;
  readonly amount: bigint;
  readonly channelId: string | null;
}

interface PostingRow {
  readonly sequence: number;
  readonly key: string;
  readonly atMs: number;
  readonly kind: string;
  readonly description: string;
  readonly jobId: string | null;
  readonly model: string | null;
  readonly peer: string | null;
  readonly txHash: string | null;
  readonly reverses: string | null;
}

interface Posting extends PostingRow {
  readonly lines: readonly Line[];
}

/** Sums by key columns, joined by {@link SEPARATOR}. The balances exist since the first step. */
interface Sums {
  /** [account, channel] */
  readonly channels: Map<string, bigint>;
  /** [account, asset, 'model' or 'peer', from, its name]; an empty name means none. */
  readonly flows: Map<string, { amount: bigint; jobs: number }>;
}

/** Reads the next page of postings with their lines, in the order of recording. */
function readPostings(database: Database, afterSequence: number): Posting[] {
  const rows = database
    .prepare(
      `SELECT sequence, key, at_ms AS atMs, kind, description, job_id AS jobId, model, peer, tx_hash AS txHash,
         reverses FROM ledger_posting WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    )
    .all(afterSequence, PAGE) as PostingRow[];
  const lines = database.prepare(
    `SELECT account, asset_id AS assetId, amount, channel_id AS channelId FROM ledger_line
     WHERE posting = ? ORDER BY position`,
  );
  return rows.map((row) => ({
    ...row,
    lines: (lines.all(row.sequence) as (Omit<Line, 'amount'> & { amount: string })[]).map((line) => ({
      ...line,
      amount: BigInt(line.amount),
    })),
  }));
}

/** sha256 in hex over the previous hash and everything in the posting. */
function postingHash(previous: string, posting: Posting): string {
  const { sequence, key, atMs, kind, description, jobId, model, peer, txHash, reverses } = posting;
  const lines = posting.lines.map(({ account, assetId, amount, channelId }) => [
    account,
    assetId,
    amount.toString(),
    channelId,
  ]);
  const fields = [previous, sequence, key, atMs, kind, description, jobId, model, peer, txHash, reverses];
  return hash('sha256', JSON.stringify(['posting 1', ...fields, lines]));
}

function addToSums(sums: Sums, posting: Posting): void {
  const fromMs = posting.atMs - (posting.atMs % QUARTER_MS);
  const jobs = posting.kind === 'job-charged' || posting.kind === 'job-bought' ? 1 : 0;
  for (const { account, assetId, amount, channelId } of posting.lines) {
    if (channelId !== null) {
      const key = account + SEPARATOR + channelId;
      sums.channels.set(key, (sums.channels.get(key) ?? 0n) + amount);
    }
    if (!/^(income|expense|fees):/.test(account)) continue;
    for (const by of ['model', 'peer'] as const) {
      const key = [account, assetId, by, fromMs, posting[by] ?? ''].join(SEPARATOR);
      const known = sums.flows.get(key);
      sums.flows.set(key, { amount: (known?.amount ?? 0n) + amount, jobs: (known?.jobs ?? 0) + jobs });
    }
  }
}

function writeSums(database: Database, { channels, flows }: Sums): void {
  const insertChannel = database.prepare('INSERT INTO ledger_channel_sum VALUES (?, ?, ?)');
  for (const [key, amount] of channels) {
    const [account = '', ...channel] = key.split(SEPARATOR);
    insertChannel.run(account, channel.join(SEPARATOR), amount.toString());
  }
  const insertFlow = database.prepare(
    'INSERT INTO ledger_flow (account, asset_id, by, from_ms, name, amount, jobs) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  for (const [key, { amount, jobs }] of flows) {
    const [account, assetId, by, fromMs, ...name] = key.split(SEPARATOR);
    insertFlow.run(account, assetId, by, Number(fromMs), name.join(SEPARATOR), amount.toString(), jobs);
  }
}
