/**
 * Conditions of an engine measurement (`prefill` or `decode`), as core and pages read them. They are stored in the
 * measurement's `conditions`; defaults stand in for those that earlier versions didn't store.
 */
import { z } from 'zod';
import type { Measurement } from './api/state.ts';

export const engineConditionsSchema = z.object({
  /** Catalog ID. */
  model: z.string(),
  quantisation: z.string().optional(),
  threads: z.number().int().positive().optional(),
  /** Context of one sequence as it was loaded, in tokens. */
  contextTokens: z.number().int().positive().optional(),
  /** Concurrent streams; the value is their sum. */
  streams: z.number().int().positive().default(1),
  /**
   * `long`: the prompt filled the loaded context, or as much of it as the machine could process in the available time.
   */
  context: z.enum(['short', 'long']).default('short'),
  /** Prompt tokens of each stream. */
  promptTokens: z.number().int().positive().optional(),
  /** Maximum tokens that each stream generated. */
  decodeTokens: z.number().int().positive().optional(),
  /**
   * Duty cycle of the engine during the measurement, in percent. Earlier versions measured at the current setting
   * without storing it. Their figures count as full speed, so that offered speeds are too low rather than too high.
   */
  dutyPercent: z.number().min(1).max(100).default(100),
  /** Duty cycle that the owner's intensity allowed during the measurement, in percent. */
  comfortDutyPercent: z.number().min(1).max(100).optional(),
  /** Maximum number of other jobs during the measurement. */
  otherJobs: z.number().int().positive().optional(),
  /** Other programs used a large part of the CPU time. */
  disturbed: z.boolean().default(false),
});
export type EngineConditions = z.infer<typeof engineConditionsSchema>;

/** Null for a measurement that is not an engine's. */
export function engineConditions(measurement: Measurement): EngineConditions | null {
  if (measurement.name !== 'prefill' && measurement.name !== 'decode') return null;
  return engineConditionsSchema.safeParse(measurement.conditions).data ?? null;
}

/** True for one stream after a short prompt at full speed, which is shown as the model's speed. */
export function isModelSpeed({ streams, context, dutyPercent }: EngineConditions): boolean {
  return streams === 1 && context === 'short' && dutyPercent === 100;
}
