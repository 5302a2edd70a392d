/** Storage of benchmark runs. The benchmark module owns the format of the JSON texts. */

export interface BenchmarkRow {
  readonly id: string;
  readonly atMs: number;
  /** Kind of measurement, e.g. `gpu` or `engine`. */
  readonly kind: string;
  /** JSON text: the circumstances needed to interpret the result. */
  readonly conditions: string;
  /** JSON text. */
  readonly result: string;
}

export interface BenchmarkStore {
  insert(row: BenchmarkRow): void;
  /** Returns the newest first; all kinds if `kind` is null. */
  list(kind: string | null, limit: number): readonly BenchmarkRow[];
}
