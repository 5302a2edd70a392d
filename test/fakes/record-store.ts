/** A record store in memory, for tests that need no disk. Its snapshot simulates a restart. */
import type { RecordStore } from '../../main/ports/store.ts';

export interface MemoryRecordStore extends RecordStore {
  /** The whole content, with which another store can be opened. */
  snapshot(): ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function createMemoryRecordStore(
  from: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(),
): MemoryRecordStore {
  const collections = new Map([...from].map(([name, records]) => [name, new Map(records)]));
  const of = (name: string): Map<string, string> => {
    const found = collections.get(name) ?? new Map<string, string>();
    collections.set(name, found);
    return found;
  };
  return {
    get: (collection, key) => of(collection).get(key) ?? null,
    list: (collection) =>
      [...of(collection)]
        .map(([key, value]) => ({ key, value }))
        .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)),
    set(collection, key, value) {
      // The real store accepts JSON only.
      JSON.parse(value);
      of(collection).set(key, value);
    },
    delete: (collection, key) => of(collection).delete(key),
    update(collection, key, change) {
      const next = change(of(collection).get(key) ?? null);
      if (next === null) of(collection).delete(key);
      else of(collection).set(key, next);
      return next;
    },
    snapshot: () => structuredClone(collections),
  };
}
