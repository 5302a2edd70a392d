/** Remembers the jobs whose end may not be on disk, so that they are ended when the disk takes writes again. */
import type { Durability } from '../../ports/store.ts';

export interface LeftJobs {
  add(id: string): void;
  /** Writes a job's end and remembers it until that is on disk: it may fail, or the group that it shares with others. */
  ending<T>(id: string, write: () => T): T;
  list(): readonly string[];
  /** Returns all, and forgets each one that the caller has taken. */
  take(): Iterable<string>;
}

export function createLeftJobs(durability: Pick<Durability, 'durable'>): LeftJobs {
  const left = new Set<string>();
  return {
    add: (id) => void left.add(id),
    ending(id, write) {
      left.add(id);
      const result = write();
      void durability.durable().then(
        () => left.delete(id),
        () => undefined,
      );
      return result;
    },
    list: () => [...left],
    *take() {
      for (const id of left) {
        yield id;
        left.delete(id);
      }
    },
  };
}
