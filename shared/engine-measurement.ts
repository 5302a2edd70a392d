/**
 * The conditions of an engine's measurement, `prefill` or `decode`, as core and pages read them. They stand in the
 * measurement's own `conditions`, so that benchmarks of earlier versions, which knew fewer of them, still read.
 */
import { z } from 'zod';
import type { Measurement } from './api/state.ts';

export const engineConditionsSchema = z.object({
  /** Catalogue id. */
  model: z.string(),
  quantisation: z.string().optional(),
  threads: z.number().int().positive().optional(),
  /** Context of one sequence as it was loaded, in tokens. */
  contextTokens: z.number().int().positive().optional(),
  /** Answers at once; the value is the sum over them. */
  streams: z.number().int().positive().default(1),
  /** `long`: the prompt filled the loaded context, or as much of it as the machine read in the time. */
  context: z.enum(['short', 'long']).default('short'),
  /** Tokens that each stream read, */
  promptTokens: z.number().int().positive().optional(),
  /** and the most that each wrote. */
  decodeTokens: z.number().int().positive().optional(),
  /**
   * Share of the time in which the engine computed, in percent. Earlier versions measured at whatever was set
   * and did not say it: taken for full speed, which errs to the low side wherever a speed is promised from it.
   */
  dutyPercent: z.number().min(1).max(100).default(100),
  /** What the owner's comfort left when this was measured, in percent. */
  comfortDutyPercent: z.number().min(1).max(100).optional(),
  /** Answers for others meanwhile, at most. */
  otherJobs: z.number().int().positive().optional(),
  /** Other programs had a good part of the processor's time. */
  disturbed: z.boolean().default(false),
});
export type EngineConditions = z.infer<typeof engineConditionsSchema>;

/** Null for a measurement that is not an engine's. */
export function engineConditions(measurement: Measurement): EngineConditions | null {
  if (measurement.name !== 'prefill' && measurement.name !== 'decode') return null;
  return engineConditionsSchema.safeParse(measurement.conditions).data ?? null;
}

/** One stream after a short prompt at full speed: what stands for the model's speed wherever one number does. */
export function isModelSpeed({ streams, context, dutyPercent }: EngineConditions): boolean {
  return streams === 1 && context === 'short' && dutyPercent === 100;
}
