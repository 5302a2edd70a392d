/** Postings as rows: how they are written and read back, without a loss. */
import { amount } from '../../../shared/money.ts';
import type { Account, KeptPosting, LedgerLine, Posting, PostingKind } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';

interface PostingRow {
  sequence: number;
  hash: string | null;
  key: string;
  at_ms: number;
  kind: PostingKind;
  description: string;
  job_id: string | null;
  model: string | null;
  peer: string | null;
  tx_hash: string | null;
  reverses: string | null;
}

interface LineRow {
  posting: number;
  account: Account;
  asset_id: string;
  amount: string;
  channel_id: string | null;
}

const POSTINGS = `SELECT sequence, hash, key, at_ms, kind, description, job_id, model, peer, tx_hash, reverses
  FROM ledger_posting`;
const LINES = 'SELECT posting, account, asset_id, amount, channel_id FROM ledger_line';

export function insertPosting(writer: WriteHandle, { sequence, hash, posting }: KeptPosting): void {
  writer.run(
    `INSERT INTO ledger_posting
       (sequence, hash, key, at_ms, kind, description, job_id, model, peer, tx_hash, reverses)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    sequence,
    hash,
    posting.key,
    posting.atMs,
    posting.kind,
    posting.description,
    posting.jobId,
    posting.model,
    posting.peer,
    posting.txHash,
    posting.reverses,
  );
  const rows = posting.lines.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ');
  writer.run(
    `INSERT INTO ledger_line (posting, position, account, asset_id, amount, channel_id, at_ms) VALUES ${rows}`,
    ...posting.lines.flatMap((line, position) => [
      sequence,
      position,
      line.account,
      line.assetId,
      line.amount.toString(),
      line.channelId,
      posting.atMs,
    ]),
  );
}

export function findPosting(reader: ReadHandle, key: string): Posting | null {
  const row = reader.get<PostingRow>(`${POSTINGS} WHERE key = ?`, key);
  return row === null ? null : (kept(reader, [row])[0]?.posting ?? null);
}

/** Newest first. */
export function listPostings(reader: ReadHandle, kind: PostingKind | null, limit: number): Posting[] {
  const rows =
    kind === null
      ? reader.all<PostingRow>(`${POSTINGS} ORDER BY sequence DESC LIMIT ?`, limit)
      : reader.all<PostingRow>(`${POSTINGS} WHERE kind = ? ORDER BY sequence DESC LIMIT ?`, kind, limit);
  return rows.flatMap((row) => kept(reader, [row]).map(({ posting }) => posting));
}

/** In the order of booking. */
export function readPostings(reader: ReadHandle, afterSequence: number, limit: number): KeptPosting[] {
  return kept(
    reader,
    reader.all<PostingRow>(`${POSTINGS} WHERE sequence > ? ORDER BY sequence LIMIT ?`, afterSequence, limit),
  );
}

/** Rows in ascending order with the lines of all of them, in one question. */
function kept(reader: ReadHandle, rows: readonly PostingRow[]): KeptPosting[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return [];
  const lines = new Map<number, LedgerLine[]>();
  const found = reader.all<LineRow>(
    `${LINES} WHERE posting BETWEEN ? AND ? ORDER BY posting, position`,
    first.sequence,
    last.sequence,
  );
  for (const row of found) {
    const line = {
      account: row.account,
      assetId: row.asset_id,
      amount: amount(row.amount),
      channelId: row.channel_id,
    };
    const known = lines.get(row.posting);
    if (known === undefined) lines.set(row.posting, [line]);
    else known.push(line);
  }
  return rows.map((row) => ({
    sequence: row.sequence,
    hash: row.hash,
    posting: {
      key: row.key,
      atMs: row.at_ms,
      kind: row.kind,
      description: row.description,
      jobId: row.job_id,
      model: row.model,
      peer: row.peer,
      txHash: row.tx_hash,
      reverses: row.reverses,
      lines: lines.get(row.sequence) ?? [],
    },
  }));
}
