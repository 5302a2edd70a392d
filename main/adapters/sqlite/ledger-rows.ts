/** Writes postings as rows and reads them back without loss. */
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { Account, KeptPosting, LedgerLine, Posting, PostingKind } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';
import { findNumber, numberOf, textOf } from './shared-texts.ts';
import { longId, longKey, type ShortId, shortId, shortKey } from './short-ids.ts';

/** A posting with its lines as the text that is hashed, see `linesText`. */
export interface PostingRow extends Omit<Posting, 'lines'> {
  readonly sequence: number;
  readonly hash: string | null;
  readonly lines: string;
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
  return { ...fieldsOf(reader, row), lines: hashedLines(reader, row.lines) };
}

function fieldsOf(reader: ReadHandle, row: StoredRow): Omit<PostingRow, 'lines'> {
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

const AMOUNT = /^-?\d+$/;

type StoredLine = readonly [account: number, asset: number, value: string, channel: number | null];

/** By hand, because every verification does it for every line: a schema takes three times as long. */
function isStoredLine(line: unknown): line is StoredLine {
  if (!Array.isArray(line) || line.length !== 4) return false;
  const [account, asset, value, channel] = line as unknown[];
  return (
    typeof account === 'number' &&
    typeof asset === 'number' &&
    typeof value === 'string' &&
    (channel === null || typeof channel === 'number')
  );
}

/** Returns null for a text that `insertPosting` didn't write. */
function storedLines(text: string): readonly StoredLine[] | null {
  let lines: unknown;
  try {
    lines = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
  if (!Array.isArray(lines) || !lines.every(isStoredLine)) return null;
  return JSON.stringify(lines) === text ? lines : null;
}

/** Returns lines in the form that is hashed, and a text that `insertPosting` didn't write unchanged. */
function hashedLines(reader: ReadHandle, stored: string): string {
  const lines = storedLines(stored);
  if (lines === null) return stored;
  const shared = (number: number) => textOf(reader, number) ?? number;
  return JSON.stringify(
    lines.map(([account, asset, value, channel]) => [
      shared(account),
      shared(asset),
      value,
      channel === null ? null : shared(channel),
    ]),
  );
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

/** Returns the rows in the order of recording, with their lines as they are hashed. */
export function readRows(reader: ReadHandle, afterSequence: number, limit: number): PostingRow[] {
  return reader
    .all<StoredRow>(`${POSTINGS} WHERE sequence > ? ORDER BY sequence LIMIT ?`, afterSequence, limit)
    .map((row) => toRow(reader, row));
}

function toPosting(reader: ReadHandle, row: StoredRow): KeptPosting {
  const { sequence, hash, ...fields } = fieldsOf(reader, row);
  const lines = linesOf(reader, row.lines);
  if (lines === null) {
    throw new AppError(
      'database-corrupt',
      `The ledger entry "${fields.key}" is unreadable. Nothing was changed. Run \`ledger verify\` to check the ledger.`,
      { details: { posting: fields.key } },
    );
  }
  return { sequence, hash, posting: { ...fields, lines } };
}

/** Returns null for a text that `insertPosting` didn't write. */
function linesOf(reader: ReadHandle, stored: string): LedgerLine[] | null {
  const found: LedgerLine[] = [];
  for (const [account, asset, value, channel] of storedLines(stored) ?? []) {
    const [name, assetId] = [textOf(reader, account), textOf(reader, asset)];
    const channelId = channel === null ? null : textOf(reader, channel);
    const isWhole = name !== null && assetId !== null && (channel === null || channelId !== null);
    if (!isWhole || !AMOUNT.test(value)) return null;
    found.push({
      account: name as Account,
      assetId,
      amount: amount(value),
      channelId,
    });
  }
  return found.length > 0 ? found : readLines(hashedLines(reader, stored));
}

/** Returns null for a text that isn't a list of lines. */
export function readLines(text: string): LedgerLine[] | null {
  try {
    const rows = JSON.parse(text) as [Account, string, string, string | null][];
    // A number here is one whose shared text is missing.
    if (rows.some(([account, assetId]) => typeof account !== 'string' || typeof assetId !== 'string'))
      return null;
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
