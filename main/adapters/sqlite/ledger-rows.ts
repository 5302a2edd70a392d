/** Postings as rows: how they are written and read back, without a loss. */
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Account, KeptPosting, LedgerLine, Posting, PostingKind } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';

/** A posting as it lies in the table: its lines are text, see `linesText`. */
export interface PostingRow extends Omit<Posting, 'lines'> {
  readonly sequence: number;
  readonly hash: string | null;
  readonly lines: string;
}

const POSTINGS = `SELECT sequence, hash, key, at_ms AS atMs, kind, description, job_id AS jobId, model, peer,
  tx_hash AS txHash, reverses, lines FROM ledger_posting`;

export function insertPosting(
  writer: WriteHandle,
  place: { readonly sequence: number; readonly hash: string },
  posting: Posting,
  lines: string,
): void {
  writer.run(
    `INSERT INTO ledger_posting
       (sequence, hash, key, at_ms, kind, description, job_id, model, peer, tx_hash, reverses, lines)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    place.sequence,
    place.hash,
    posting.key,
    posting.atMs,
    posting.kind,
    posting.description,
    posting.jobId,
    posting.model,
    posting.peer,
    posting.txHash,
    posting.reverses,
    lines,
  );
}

/** Which of these keys are taken, in one question. */
export function takenKeys(reader: ReadHandle, keys: readonly string[]): ReadonlySet<string> {
  const rows = reader.all<{ value: string }>(
    'SELECT value FROM json_each(?) WHERE value IN (SELECT key FROM ledger_posting)',
    JSON.stringify(keys),
  );
  return new Set(rows.map(({ value }) => value));
}

export function findPosting(reader: ReadHandle, key: string): Posting | null {
  const row = reader.get<PostingRow>(`${POSTINGS} WHERE key = ?`, key);
  return row === null ? null : toKept(row).posting;
}

/** Newest first. */
export function listPostings(reader: ReadHandle, kind: PostingKind | null, limit: number): Posting[] {
  const rows =
    kind === null
      ? reader.all<PostingRow>(`${POSTINGS} ORDER BY sequence DESC LIMIT ?`, limit)
      : reader.all<PostingRow>(`${POSTINGS} WHERE kind = ? ORDER BY sequence DESC LIMIT ?`, kind, limit);
  return rows.map((row) => toKept(row).posting);
}

/** In the order of booking. */
export function readRows(reader: ReadHandle, afterSequence: number, limit: number): PostingRow[] {
  return reader.all<PostingRow>(
    `${POSTINGS} WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    afterSequence,
    limit,
  );
}

/** Fails with `database-corrupt` where the lines cannot be read. */
export function toKept({ sequence, hash, lines: text, ...said }: PostingRow): KeptPosting {
  const lines = readLines(text);
  if (lines === null) {
    throw new AppError(
      'database-corrupt',
      'An entry of the books cannot be read. Nothing was changed; `ledger verify` names it.',
      { details: { posting: said.key } },
    );
  }
  return { sequence, hash, posting: { ...said, lines } };
}

/** Null for a text that is no list of lines. */
export function readLines(text: string): LedgerLine[] | null {
  try {
    const rows = JSON.parse(text) as [Account, string, string, string | null][];
    return rows.map(([account, assetId, value, channelId]) => ({
      account,
      assetId,
      amount: amount(value),
      channelId,
    }));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) return null;
    throw cause;
  }
}
