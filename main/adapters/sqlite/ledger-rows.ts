/** Writes postings as rows and reads them back without loss. */
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Account, KeptPosting, LedgerLine, Posting, PostingKind } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';

/** A posting as stored in the table: its lines are text, see `linesText`. */
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

/** Returns those of the keys that exist, in one query. */
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

/** Returns postings in the order of recording. */
export function readRows(reader: ReadHandle, afterSequence: number, limit: number): PostingRow[] {
  return reader.all<PostingRow>(
    `${POSTINGS} WHERE sequence > ? ORDER BY sequence LIMIT ?`,
    afterSequence,
    limit,
  );
}

/** Fails with `database-corrupt` if the lines are unreadable. */
export function toKept({ sequence, hash, lines: text, ...fields }: PostingRow): KeptPosting {
  const lines = readLines(text);
  if (lines === null) {
    throw new AppError(
      'database-corrupt',
      `The ledger entry "${fields.key}" is unreadable. Nothing was changed. Run \`ledger verify\` to check the ledger.`,
      { details: { posting: fields.key } },
    );
  }
  return { sequence, hash, posting: { ...fields, lines } };
}

/** Returns null for a text that isn't a list of lines. */
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
