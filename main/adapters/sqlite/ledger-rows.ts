/** Writes postings as rows and reads them back without loss. */
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Account, KeptPosting, LedgerLine, Posting, PostingKind } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';
import { linesText } from './ledger-chain.ts';
import { findNumber, numberOf, textOf } from './shared-texts.ts';
import { longId, longKey, type ShortId, shortId, shortKey } from './short-ids.ts';

/** A posting with its lines, also as the text that is hashed; none where they are unreadable. */
export interface PostingRow extends Posting {
  readonly sequence: number;
  readonly hash: string | null;
  readonly hashedLines: string;
}

/** A posting as stored in the table: texts are numbers of shared texts, also in the lines. */
interface StoredRow {
  readonly sequence: number;
  readonly hash: Buffer | null;
  readonly key: ShortId;
  readonly at_ms: number;
  readonly kind: number;
  readonly description: number;
  readonly job: ShortId | null;
  readonly model: number | null;
  readonly peer: number | null;
  readonly tx_hash: string | null;
  readonly reverses: ShortId | null;
  readonly lines: string;
}

const POSTINGS = `SELECT sequence, hash, key, at_ms, kind, description, job, model, peer, tx_hash, reverses, lines
  FROM ledger_posting`;

export function insertPosting(
  writer: WriteHandle,
  place: { readonly sequence: number; readonly hash: string },
  posting: Posting,
): void {
  const shared = (text: string | null) => (text === null ? null : numberOf(writer, text));
  const key = shortKey(posting.key);
  writer.run(
    `INSERT INTO ledger_posting
       (sequence, hash, key, at_ms, kind, description, job, model, peer, tx_hash, reverses, lines)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    place.sequence,
    Buffer.from(place.hash, 'hex'),
    key,
    posting.atMs,
    shared(posting.kind),
    shared(posting.description),
    jobColumn(posting, typeof key !== 'string'),
    shared(posting.model),
    shared(posting.peer),
    posting.txHash,
    posting.reverses === null ? null : shortKey(posting.reverses),
    JSON.stringify(
      posting.lines.map(({ account, assetId, amount: value, channelId }) => [
        shared(account),
        shared(assetId),
        value.toString(),
        shared(channelId),
      ]),
    ),
  );
}

/** The key of a job's charge has its job; an empty text then means none. */
function jobColumn({ key, jobId }: Posting, isShort: boolean): ShortId | null {
  if (jobId === null) return isShort ? '' : null;
  return isShort && key === `job:${jobId}:charged` ? null : shortId(jobId);
}

function toRow(reader: ReadHandle, row: StoredRow): PostingRow {
  const lines = readLines(reader, row.lines);
  const hashedLines = lines === null ? row.lines : linesText(lines);
  return { ...fieldsOf(reader, row), lines: lines ?? [], hashedLines };
}

function fieldsOf(reader: ReadHandle, row: StoredRow): Omit<KeptPosting, 'posting'> & Omit<Posting, 'lines'> {
  const shared = (number: number | null) => (number === null ? null : textOf(reader, number));
  const { key } = row;
  let jobId = row.job === null || row.job === '' ? null : longId(row.job);
  if (row.job === null && typeof key !== 'string') jobId = longId(key);
  return {
    sequence: row.sequence,
    hash: row.hash?.toString('hex') ?? null,
    key: longKey(key),
    atMs: row.at_ms,
    // A missing text is damage: the entry's hash doesn't match what is left.
    kind: (shared(row.kind) ?? '') as PostingKind,
    description: shared(row.description) ?? '',
    jobId,
    model: shared(row.model),
    peer: shared(row.peer),
    txHash: row.tx_hash,
    reverses: row.reverses === null ? null : longKey(row.reverses),
  };
}

/** One line as `insertPosting` writes it; by hand, because JSON takes three times as long and every job has two. */
const LINE = /\[(0|[1-9]\d{0,14}),(0|[1-9]\d{0,14}),"(0|-?[1-9]\d*)",(null|0|[1-9]\d{0,14})\]([,\]])/y;

/** Returns null for a text that `insertPosting` didn't write. */
function readLines(reader: ReadHandle, text: string): LedgerLine[] | null {
  if (text[0] !== '[') return null;
  const lines: LedgerLine[] = [];
  LINE.lastIndex = 1;
  for (;;) {
    const match = LINE.exec(text);
    if (match === null) return null;
    const [, accountNumber, assetNumber, value = '', channelNumber, separator] = match;
    const account = textOf(reader, Number(accountNumber));
    const assetId = textOf(reader, Number(assetNumber));
    const channelId = channelNumber === 'null' ? null : textOf(reader, Number(channelNumber));
    const isWhole = account !== null && assetId !== null && (channelNumber === 'null' || channelId !== null);
    if (!isWhole) return null;
    lines.push({ account: account as Account, assetId, amount: amount(value), channelId });
    if (separator === ']') return LINE.lastIndex === text.length ? lines : null;
  }
}

/** Returns those of the keys that exist. */
export function takenKeys(reader: ReadHandle, keys: readonly string[]): ReadonlySet<string> {
  const known = 'SELECT 1 FROM ledger_posting WHERE key = ?';
  return new Set(keys.filter((key) => reader.get(known, shortKey(key)) !== null));
}

export function findPosting(reader: ReadHandle, key: string): Posting | null {
  const row = reader.get<StoredRow>(`${POSTINGS} WHERE key = ?`, shortKey(key));
  return row === null ? null : toPosting(reader, row).posting;
}

/** Returns the lines of a posting, null if there is none. */
export function findLines(reader: ReadHandle, key: string): LedgerLine[] | null {
  const row = reader.get<Pick<StoredRow, 'lines'>>(
    'SELECT lines FROM ledger_posting WHERE key = ?',
    shortKey(key),
  );
  return row === null ? null : (readLines(reader, row.lines) ?? unreadable(key));
}

/** Newest first. */
export function listPostings(reader: ReadHandle, kind: PostingKind | null, limit: number): Posting[] {
  const rows =
    kind === null
      ? reader.all<StoredRow>(`${POSTINGS} ORDER BY sequence DESC LIMIT ?`, limit)
      : reader.all<StoredRow>(
          `${POSTINGS} WHERE kind = ? ORDER BY sequence DESC LIMIT ?`,
          findNumber(reader, kind),
          limit,
        );
  return rows.map((row) => toPosting(reader, row).posting);
}

/** Returns postings in the order of recording. Fails with `database-corrupt` if the lines of one are unreadable. */
export function readPostings(reader: ReadHandle, afterSequence: number, limit: number): KeptPosting[] {
  return reader
    .all<StoredRow>(`${POSTINGS} WHERE sequence > ? ORDER BY sequence LIMIT ?`, afterSequence, limit)
    .map((row) => toPosting(reader, row));
}

/** Returns the rows in the order of recording, with their lines as they are hashed, too. */
export function readRows(reader: ReadHandle, afterSequence: number, limit: number): PostingRow[] {
  return reader
    .all<StoredRow>(`${POSTINGS} WHERE sequence > ? ORDER BY sequence LIMIT ?`, afterSequence, limit)
    .map((row) => toRow(reader, row));
}

function toPosting(reader: ReadHandle, row: StoredRow): KeptPosting {
  const { sequence, hash, ...fields } = fieldsOf(reader, row);
  const lines = readLines(reader, row.lines) ?? unreadable(fields.key);
  return { sequence, hash, posting: { ...fields, lines } };
}

function unreadable(key: string): never {
  throw new AppError(
    'database-corrupt',
    `The ledger entry "${key}" is unreadable. Nothing was changed. Run \`ledger verify\` to check the ledger.`,
    { details: { posting: key } },
  );
}
