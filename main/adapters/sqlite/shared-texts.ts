/**
 * Texts that many rows share (models, peers, channels, accounts), stored once and referred to by number. They are never
 * changed or deleted.
 */
import type { ReadHandle, WriteHandle } from './handles.ts';
import { rowChecksum } from './row-checksums.ts';

/** Number of texts in memory per connection; beyond it all are read again. */
const CACHED_MAX = 20_000;

interface Cache {
  readonly numbers: Map<string, number>;
  readonly texts: Map<number, string>;
  /** See {@link ReadHandle.rollbacks}. */
  rollbacks: number;
}

const caches = new WeakMap<ReadHandle, Cache>();

function cacheOf(handle: ReadHandle): Cache {
  const known = caches.get(handle);
  // A text of a transaction that was undone isn't stored, and its number may be another one's.
  if (known !== undefined && known.rollbacks === handle.rollbacks() && known.texts.size < CACHED_MAX)
    return known;
  const fresh = { numbers: new Map(), texts: new Map(), rollbacks: handle.rollbacks() };
  caches.set(handle, fresh);
  return fresh;
}

function remember({ numbers, texts }: Cache, number: number, text: string): void {
  numbers.set(text, number);
  texts.set(number, text);
}

/** Returns the number of a text, or null if it isn't stored: then no row refers to it. */
export function findNumber(reader: ReadHandle, text: string): number | null {
  const cache = cacheOf(reader);
  const known = cache.numbers.get(text);
  if (known !== undefined) return known;
  const row = reader.get<{ number: number }>('SELECT number FROM shared_text WHERE text = ?', text);
  if (row !== null) remember(cache, row.number, text);
  return row?.number ?? null;
}

/** Returns the number of a text, and stores it if it is new. Call it in the transaction of the row that refers to it. */
export function numberOf(writer: WriteHandle, text: string): number {
  const known = findNumber(writer, text);
  if (known !== null) return known;
  const last = writer.get<{ number: number }>('SELECT coalesce(max(number), 0) AS number FROM shared_text');
  const number = (last?.number ?? 0) + 1;
  writer.run(
    'INSERT INTO shared_text (number, text, checksum) VALUES (?, ?, ?)',
    number,
    text,
    rowChecksum(number, text),
  );
  remember(cacheOf(writer), number, text);
  return number;
}

/** Returns null for a number without a text, which is damage. */
export function textOf(reader: ReadHandle, number: number): string | null {
  const cache = cacheOf(reader);
  const known = cache.texts.get(number);
  if (known !== undefined) return known;
  const row = reader.get<{ text: string }>('SELECT text FROM shared_text WHERE number = ?', number);
  if (row !== null) remember(cache, number, row.text);
  return row?.text ?? null;
}
