/** Where benchmark runs are kept, newest first; what was measured is JSON text that the benchmark owns. */

export interface BenchmarkRow {
  readonly id: string;
  readonly atMs: number;
  /** What was measured, e.g. `gpu` or `engine`. */
  readonly kind: string;
  /** JSON text: the circumstances that matter for reading the result. */
  readonly conditions: string;
  /** JSON text. */
  readonly result: string;
}

export interface BenchmarkStore {
  insert(row: BenchmarkRow): void;
  /** Newest first; all kinds when `kind` is null. */
  list(kind: string | null, limit: number): readonly BenchmarkRow[];
}
