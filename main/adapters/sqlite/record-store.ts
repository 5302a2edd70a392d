/** Stores JSON texts by collection and key in SQLite. */
import type { RecordStore } from '../../ports/store.ts';
import type { WriteHandle } from './handles.ts';
import { rowChecksum } from './row-checksums.ts';

/** Changes of a record after which it moves to those that change often. */
const OFTEN = 32;
/** Records whose changes are counted; beyond it, counting begins again. */
const COUNTED_MAX = 10_000;

export function openRecordStore(writer: WriteHandle): RecordStore {
  const countChange = createChangeCounter(writer);
  const get = (collection: string, key: string): string | null =>
    writer.get<{ value: string }>(
      'SELECT value FROM record WHERE collection = ? AND key = ?',
      collection,
      key,
    )?.value ?? null;
  const set = (collection: string, key: string, value: string): void => {
    writer.run(
      `INSERT INTO record (collection, key, value, checksum) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, checksum = excluded.checksum`,
      collection,
      key,
      value,
      rowChecksum(collection, key, value),
    );
    countChange(collection, key);
  };
  const remove = (collection: string, key: string): boolean =>
    writer.run('DELETE FROM record WHERE collection = ? AND key = ?', collection, key) > 0;
  return {
    get,
    list: (collection) =>
      writer.all('SELECT key, value FROM record WHERE collection = ? ORDER BY key', collection),
    set,
    delete: remove,
    update: (collection, key, change) =>
      writer.transaction(() => {
        const current = get(collection, key);
        const next = change(current);
        if (next === null) remove(collection, key);
        else if (next !== current) set(collection, key, next);
        return next;
      }),
  };
}

/**
 * Moves records that change often (a channel's, with each job) next to each other, to the negative row numbers: a commit
 * writes whole pages, and among records that never change each of them had a page of its own.
 */
function createChangeCounter(writer: WriteHandle): (collection: string, key: string) => void {
  const changes = new Map<string, number>();
  return (collection, key) => {
    const place = `${collection} ${key}`;
    const count = (changes.get(place) ?? 0) + 1;
    if (changes.size >= COUNTED_MAX) changes.clear();
    changes.set(place, count);
    if (count !== OFTEN) return;
    writer.run(
      `UPDATE record SET rowid = (SELECT min(min(rowid), 0) - 1 FROM record)
       WHERE collection = ? AND key = ? AND rowid > 0`,
      collection,
      key,
    );
  };
}
