/** Stored form of a finished benchmark: the measurements, and the circumstances needed to interpret them later. */
import { z } from 'zod';
import { measurementSchema } from '../../../shared/api/state.ts';
import type { BenchmarkRow } from '../../ports/benchmark.ts';

/** Kind of the rows of the machine benchmark. */
export const RECORD_KIND = 'machine';

/** `model`: only the speed of one model, measured after the machine's own benchmark. */
const scopeSchema = z.enum(['machine', 'model']);
export type BenchmarkScope = z.infer<typeof scopeSchema>;

const resultSchema = z.object({
  /** Benchmarks of earlier versions always measured the machine. */
  scope: scopeSchema.default('machine'),
  measurements: z.array(measurementSchema),
  unavailable: z.array(z.object({ mode: z.string(), reason: z.string() })),
});

export const circumstancesSchema = z.object({
  os: z.string(),
  devices: z.array(z.string()),
  memoryBytes: z.number().nullable(),
  physicalCores: z.number().nullable(),
  /** Load of all cores before the benchmark started. */
  cpuLoadPercent: z.number().nullable(),
  renderer: z.string().nullable(),
});

export interface BenchmarkRecord extends z.infer<typeof resultSchema> {
  readonly id: string;
  readonly atMs: number;
  readonly circumstances: z.infer<typeof circumstancesSchema>;
}

export function toRow(record: BenchmarkRecord): BenchmarkRow {
  const { id, atMs, scope, measurements, unavailable, circumstances } = record;
  return {
    id,
    atMs,
    kind: RECORD_KIND,
    conditions: JSON.stringify(circumstances),
    result: JSON.stringify({ scope, measurements, unavailable }),
  };
}

/** Returns null for a row of another version whose format is not supported. */
export function fromRow(row: BenchmarkRow): BenchmarkRecord | null {
  const result = resultSchema.safeParse(parsed(row.result));
  const circumstances = circumstancesSchema.safeParse(parsed(row.conditions));
  if (!result.success || !circumstances.success) return null;
  return { id: row.id, atMs: row.atMs, ...result.data, circumstances: circumstances.data };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
