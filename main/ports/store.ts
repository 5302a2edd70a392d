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
