/** Remembers the jobs whose end may not be on disk, so that they are ended when the disk takes writes again. */
import type { Durability } from '../../ports/store.ts';

export interface LeftJobs {
  /** Remembers a job before its end is written: the write may fail, or the group that it shares with others. */
  ending(id: string): void;
  /** Forgets the job once all writes so far are on disk. */
  written(id: string): void;
  /** Returns all, and forgets each one that the caller has taken. */
  take(): Iterable<string>;
}

export function createLeftJobs(durability: Pick<Durability, 'durable'>): LeftJobs {
  const left = new Set<string>();
  return {
    ending: (id) => void left.add(id),
    written(id) {
      void durability.durable().then(
        () => left.delete(id),
        () => undefined,
      );
    },
    *take() {
      for (const id of left) {
        yield id;
        left.delete(id);
      }
    },
  };
}
