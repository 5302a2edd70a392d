/** A benchmark of the machine as stored by an earlier start: the agent's own would compete with what a run measures or tests. */
import { mkdirSync } from 'node:fs';
import { type OpenDatabase, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { DEFAULT_MODEL_ID, TINY_MODEL_ID } from '../../main/core/models/index.ts';

/** Speeds of one stream, in tokens per second, as a slow processor reaches them. */
const SPEEDS = [
  { name: 'prefill', value: 100 },
  { name: 'decode', value: 20 },
] as const;

/** Inserts one with a speed of each small model, so that the agent doesn't measure the machine at its start. */
export function storeBenchmark({ benchmarks }: Pick<OpenDatabase, 'benchmarks'>): void {
  const measurements = [DEFAULT_MODEL_ID, TINY_MODEL_ID].flatMap((model) =>
    SPEEDS.map(({ name, value }) => ({
      name,
      value,
      mode: 'cpu',
      unit: 'tokens-per-second',
      spreadPercent: null,
      runs: 1,
      conditions: { model, threads: 1 },
      atMs: 0,
    })),
  );
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
    }),
    result: JSON.stringify({ measurements, unavailable: [] }),
  });
}

/**
 * Makes a data folder, or uses an empty one, whose machine was measured by an earlier start. Without `model`, its agent
 * serves the one that a first start chooses.
 */
export function prepareMeasuredHome(home: string, model: string | null = null): void {
  const paths = homePaths(home);
  mkdirSync(paths.root, { recursive: true, mode: 0o700 });
  const database = openDatabase(paths.database);
  try {
    storeBenchmark(database);
    if (model !== null) database.records.set('serving', 'model', JSON.stringify(model));
  } finally {
    database.close();
  }
}
