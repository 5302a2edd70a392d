/** Small records that must survive a crash, kept by key: channels, vouchers, what was begun and not finished. */

/**
 * A synchronous key-value store. Each call is atomic and durable when it returns, also among processes;
 * values are text (JSON of the caller's own making, validated by the caller when read).
 */
export interface RecordStore {
  get(collection: string, key: string): string | null;
  /** In the order of the keys. */
  list(collection: string): readonly { readonly key: string; readonly value: string }[];
  set(collection: string, key: string, value: string): void;
  /** Whether there was one. */
  delete(collection: string, key: string): boolean;
  /** Reads, lets the callback decide, writes: nothing comes between. Null deletes. Returns what is kept. */
  update(collection: string, key: string, change: (current: string | null) => string | null): string | null;
}
