/** Stores JSON texts by collection and key in SQLite. */
import type { RecordStore } from '../../ports/store.ts';
import type { WriteHandle } from './handles.ts';
import { rowChecksum } from './row-checksums.ts';

export function openRecordStore(writer: WriteHandle): RecordStore {
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
