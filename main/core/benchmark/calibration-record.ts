/** A finished calibration, and a prediction that was scored, as they are kept. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { BenchmarkRow } from '../../ports/benchmark.ts';
import type { SyntheticModel } from './calibration-models.ts';
import { shapeOfConfiguration } from './model-shape.ts';
import type { MeasuredModel } from './prediction.ts';

export const CALIBRATION_KIND = 'calibration';
export const SCORE_KIND = 'prediction-score';

const positive = z.number().positive();

/** What computed: costs hold for nothing else. */
const circumstancesSchema = z.object({ backend: z.string(), threads: z.number().int().positive() });

const calibrationSchema = z.object({
  samples: z
    .array(
      z.object({
        /** The name of a calibration model; its shape is looked up. */
        model: z.string(),
        promptTokens: positive,
        answerTokens: positive,
        prefillMs: positive,
        decodeMsPerToken: positive,
      }),
    )
    .min(1),
  /** Other programs took processor time meanwhile. */
  disturbed: z.boolean(),
});

export type CalibrationSample = z.infer<typeof calibrationSchema>['samples'][number];

export interface Calibration extends z.infer<typeof calibrationSchema>, z.infer<typeof circumstancesSchema> {
  readonly atMs: number;
}

const speedSchema = z.object({ prefillTokensPerSecond: positive, decodeTokensPerSecond: positive });
const scoreSchema = z.object({ predicted: speedSchema, measured: speedSchema });
const scoreConditionsSchema = circumstancesSchema.extend({ modelId: z.string() });

/** What was predicted of a model before it was measured, and what it then did. */
export interface Score extends z.infer<typeof scoreSchema>, z.infer<typeof scoreConditionsSchema> {
  readonly atMs: number;
}

export function calibrationRow({ atMs, backend, threads, samples, disturbed }: Calibration): BenchmarkRow {
  return row(CALIBRATION_KIND, atMs, { backend, threads }, { samples, disturbed });
}

export function scoreRow({ atMs, backend, threads, modelId, predicted, measured }: Score): BenchmarkRow {
  return row(SCORE_KIND, atMs, { backend, threads, modelId }, { predicted, measured });
}

/** Null for a row that another version wrote in a shape that is not understood any more. */
export function calibrationOf(kept: BenchmarkRow): Calibration | null {
  const result = calibrationSchema.safeParse(parsed(kept.result));
  const circumstances = circumstancesSchema.safeParse(parsed(kept.conditions));
  if (!result.success || !circumstances.success) return null;
  return { atMs: kept.atMs, ...circumstances.data, ...result.data };
}

/** Null like {@link calibrationOf}. */
export function scoreOf(kept: BenchmarkRow): Score | null {
  const result = scoreSchema.safeParse(parsed(kept.result));
  const conditions = scoreConditionsSchema.safeParse(parsed(kept.conditions));
  return result.success && conditions.success
    ? { atMs: kept.atMs, ...conditions.data, ...result.data }
    : null;
}

/** The samples with the shapes that they were measured on; samples of shapes that are not known any more are left out. */
export function measuredModels({ samples }: Calibration, models: readonly SyntheticModel[]): MeasuredModel[] {
  const shapes = new Map(
    models.map(({ name, configuration, mixture }) => [name, shapeOfConfiguration(configuration, mixture)]),
  );
  return samples.flatMap(({ model, ...times }) => {
    const shape = shapes.get(model);
    return shape === undefined ? [] : [{ shape, ...times }];
  });
}

function row(kind: string, atMs: number, conditions: object, result: object): BenchmarkRow {
  return {
    id: randomUUID(),
    atMs,
    kind,
    conditions: JSON.stringify(conditions),
    result: JSON.stringify(result),
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
