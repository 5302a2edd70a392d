/** Bounds the records of a collection. */
import type { RecordStore } from '../../ports/store.ts';

/** Deletes the oldest record if there are more than `recordsMax`. `atMs` reads the time of a stored value. */
export function dropOldest(
  records: RecordStore,
  collection: string,
  recordsMax: number,
  atMs: (value: string) => number,
): void {
  const all = records.list(collection);
  if (all.length <= recordsMax) return;
  const [oldest] = all
    .map(({ key, value }) => ({ key, atMs: atMs(value) }))
    .sort((left, right) => left.atMs - right.atMs);
  if (oldest) records.delete(collection, oldest.key);
}
