/** Stores benchmark runs in SQLite. */
import type { BenchmarkStore } from '../../ports/benchmark.ts';
import type { WriteHandle } from './handles.ts';
import { rowChecksum } from './row-checksums.ts';

export function openBenchmarkStore(writer: WriteHandle): BenchmarkStore {
  return {
    insert(row) {
      writer.run(
        'INSERT INTO benchmark (id, at_ms, kind, conditions, result, checksum) VALUES (?, ?, ?, ?, ?, ?)',
        row.id,
        row.atMs,
        row.kind,
        row.conditions,
        row.result,
        rowChecksum(row.id, row.atMs, row.kind, row.conditions, row.result),
      );
    },
    list: (kind, limit) =>
      writer.all(
        `SELECT id, at_ms AS atMs, kind, conditions, result FROM benchmark
         WHERE kind = ifnull(?, kind) ORDER BY at_ms DESC, id LIMIT ?`,
        kind,
        limit,
      ),
  };
}
