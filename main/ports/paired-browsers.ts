/** Port for the paired browsers: a small list that is there before the database is open. */

/** A paired browser with the hash of its two secrets. */
export interface StoredBrowser {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of cookie and key, hexadecimal. */
  readonly secretHash: string;
  readonly pairedAtMs: number;
  readonly lastSeenMs: number;
}

export interface PairedBrowserStore {
  read(): readonly StoredBrowser[];
  /** Replaces the list; it is on disk when this returns. */
  write(browsers: readonly StoredBrowser[]): void;
}
