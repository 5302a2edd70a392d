/** Port for small records that must survive a crash, stored by key: channels, vouchers, unfinished work. */

/**
 * Synchronous key-value store. Each call is atomic and durable when it returns, also across processes. Values are text:
 * JSON that the caller writes, and validates when it reads.
 */
export interface RecordStore {
  get(collection: string, key: string): string | null;
  /** Returns the records of a collection, ordered by key. */
  list(collection: string): readonly { readonly key: string; readonly value: string }[];
  set(collection: string, key: string, value: string): void;
  /** Returns true if the record existed. */
  delete(collection: string, key: string): boolean;
  /** Reads, calls `change` and writes in one atomic step. Null deletes. Returns the stored value. */
  update(collection: string, key: string, change: (current: string | null) => string | null): string | null;
}

/**
 * Lets writes that belong to a stream of jobs share the wait for the disk. A peer, a client or
 * the engine may rely on such a write after {@link Durability.durable}.
 */
export interface Durability {
  /**
   * Runs writes that are visible immediately and on disk later: with the next group, or with the next write that isn't
   * deferred, whichever comes first. Each store call in it is atomic for itself.
   */
  defer<T>(run: () => T): T;
  /**
   * Resolves when everything written so far is on disk. Rejects if it can't be written: then nothing of its group is
   * recorded.
   */
  durable(): Promise<void>;
}

/** For stores that are durable, or lost, with each call. */
export const IMMEDIATE: Durability = { defer: (run) => run(), durable: async () => undefined };
