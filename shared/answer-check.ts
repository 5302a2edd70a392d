/** The result of repeating a bought answer: kept by its buyer, and reported to its provider if it raised an alarm. */
import { z } from 'zod';

/**
 * Logits by which the tokens of an honest provider fall short on average, at most. Other threads, batches
 * and reused prefixes cause none of it, the code for another processor a fifteenth (docs/audit.md): the rest is room for
 * machines that were not measured.
 */
export const HONEST_GAP_MEAN_MAX = 0.02;

/**
 * Evidence at which there is an alarm, and honest answers until a false alarm, at least and on average, if the mean of the
 * e-values of whole honest answers is at most 1. It holds for any dependence between tokens or answers.
 */
export const ANSWERS_PER_FALSE_ALARM = 10_000;

const count = z.number().int().nonnegative();

export const answerCheckSchema = z.object({
  /** When the answer was checked; when the report arrived, at its provider. */
  atMs: z.number(),
  tokens: count,
  /** Tokens that an honest provider would not have drawn, by the checking machine. */
  differing: count,
  /** Logits by which the tokens fall short on average. */
  gapMean: z.number().nonnegative(),
  /** Evidence against the provider over all its answers that were checked by then, as a natural logarithm; at least 0. */
  logStanding: z.number().nonnegative(),
  /** An honest provider would hardly have come to this evidence. */
  isAlarm: z.boolean(),
});
export type AnswerCheck = z.infer<typeof answerCheckSchema>;

/** A buyer sends this to the provider when an answer raised an alarm. The provider can repeat the answer's choices, too. */
export const checkReportSchema = z.strictObject({
  tokens: count.max(10_000_000),
  differing: count.max(10_000_000),
  gapMean: z.number().nonnegative().max(2),
  logStanding: z.number().nonnegative().max(1e9),
});
export type CheckReport = z.infer<typeof checkReportSchema>;
