/** Stored form of a finished calibration and of a scored prediction. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { BenchmarkRow } from '../../ports/benchmark.ts';
import type { SyntheticModel } from './calibration-models.ts';
import { shapeOfConfiguration } from './model-shape.ts';
import type { MeasuredModel } from './prediction.ts';

export const CALIBRATION_KIND = 'calibration';
export const SCORE_KIND = 'prediction-score';

const positive = z.number().positive();

/** Backend and threads of the measurement; the costs are valid for no others. */
const circumstancesSchema = z.object({ backend: z.string(), threads: z.number().int().positive() });

const calibrationSchema = z.object({
  samples: z
    .array(
      z.object({
        /** Name of a calibration model; its shape is looked up. */
        model: z.string(),
        promptTokens: positive,
        answerTokens: positive,
        prefillMs: positive,
        decodeMsPerToken: positive,
      }),
    )
    .min(1),
  /** True if other programs took CPU time during the calibration. */
  disturbed: z.boolean(),
});

export type CalibrationSample = z.infer<typeof calibrationSchema>['samples'][number];

export interface Calibration extends z.infer<typeof calibrationSchema>, z.infer<typeof circumstancesSchema> {
  readonly atMs: number;
}

const speedSchema = z.object({ prefillTokensPerSecond: positive, decodeTokensPerSecond: positive });
const scoreSchema = z.object({ predicted: speedSchema, measured: speedSchema });
const scoreConditionsSchema = circumstancesSchema.extend({ modelId: z.string() });

/** Predicted speed of a model, and the speed measured afterwards. */
export interface Score extends z.infer<typeof scoreSchema>, z.infer<typeof scoreConditionsSchema> {
  readonly atMs: number;
}

export function calibrationRow({ atMs, backend, threads, samples, disturbed }: Calibration): BenchmarkRow {
  return row(CALIBRATION_KIND, atMs, { backend, threads }, { samples, disturbed });
}

export function scoreRow({ atMs, backend, threads, modelId, predicted, measured }: Score): BenchmarkRow {
  return row(SCORE_KIND, atMs, { backend, threads, modelId }, { predicted, measured });
}

/** Returns null for a row of another version whose format is not supported. */
export function calibrationOf(stored: BenchmarkRow): Calibration | null {
  const result = calibrationSchema.safeParse(parsed(stored.result));
  const circumstances = circumstancesSchema.safeParse(parsed(stored.conditions));
  if (!result.success || !circumstances.success) return null;
  return { atMs: stored.atMs, ...circumstances.data, ...result.data };
}

/** Returns null like {@link calibrationOf}. */
export function scoreOf(stored: BenchmarkRow): Score | null {
  const result = scoreSchema.safeParse(parsed(stored.result));
  const conditions = scoreConditionsSchema.safeParse(parsed(stored.conditions));
  return result.success && conditions.success
    ? { atMs: stored.atMs, ...conditions.data, ...result.data }
    : null;
}

/** Returns the samples with their shapes; samples of models that no longer exist are left out. */
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
