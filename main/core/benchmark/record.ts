/** A finished benchmark as it is kept: what was measured, and the circumstances for reading it later. */
import { z } from 'zod';
import { measurementSchema } from '../../../shared/api/state.ts';
import type { BenchmarkRow } from '../../ports/benchmark.ts';

/** Kind of the rows that this room writes and reads. */
export const RECORD_KIND = 'machine';

const resultSchema = z.object({
  measurements: z.array(measurementSchema),
  unavailable: z.array(z.object({ mode: z.string(), reason: z.string() })),
});

export const circumstancesSchema = z.object({
  os: z.string(),
  devices: z.array(z.string()),
  memoryBytes: z.number().nullable(),
  physicalCores: z.number().nullable(),
  /** Load of all cores before it began. */
  cpuLoadPercent: z.number().nullable(),
  renderer: z.string().nullable(),
});

export interface BenchmarkRecord extends z.infer<typeof resultSchema> {
  readonly id: string;
  readonly atMs: number;
  readonly circumstances: z.infer<typeof circumstancesSchema>;
}

export function toRow(record: BenchmarkRecord): BenchmarkRow {
  const { id, atMs, measurements, unavailable, circumstances } = record;
  return {
    id,
    atMs,
    kind: RECORD_KIND,
    conditions: JSON.stringify(circumstances),
    result: JSON.stringify({ measurements, unavailable }),
  };
}

/** Null for a row that another version wrote in a shape that is not understood any more. */
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
