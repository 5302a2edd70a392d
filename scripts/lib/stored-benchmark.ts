/** A benchmark of the machine as stored by an earlier start: the agent's own would compete with what a run measures or tests. */
import type { OpenDatabase } from '../../main/adapters/sqlite/index.ts';

/** Inserts one without measurements, so that the agent doesn't measure the machine at its start. */
export function storeBenchmark({ benchmarks }: Pick<OpenDatabase, 'benchmarks'>): void {
  benchmarks.insert({
    id: 'before-the-run',
    atMs: 0,
    kind: 'machine',
    conditions: JSON.stringify({
      os: 'any',
      devices: [],
      memoryBytes: null,
      physicalCores: null,
      cpuLoadPercent: null,
      renderer: null,
      quick: true,
    }),
    result: JSON.stringify({ measurements: [], unavailable: [] }),
  });
}
