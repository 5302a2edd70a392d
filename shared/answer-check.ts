/** The result of repeating a bought answer: kept by its buyer, and reported to its provider if it raised an alarm. */
import { z } from 'zod';

/**
 * Logits by which the tokens of an honest provider fall short on average, at most. Other threads, batches
 * and reused prefixes cause none of it, the code for another processor a fifteenth (docs/audit.md): the rest is room for
 * machines that were not measured.
 */
export const HONEST_GAP_MEAN_MAX = 0.02;

/**
 * Share of the tokens at which the answer of an honest provider differs from those of others to the same request with the
 * same seed, at most, given the tokens before. Other builds and batches caused up to 0.038 of it.
 */
export const HONEST_DIFFERENCE_SHARE_MAX = 0.04;

/**
 * Evidence at which there is an alarm, and honest answers until a false alarm, at least and on average, if the mean of the
 * e-values of whole honest answers is at most 1. It holds for any dependence between tokens or answers.
 */
export const ANSWERS_PER_FALSE_ALARM = 10_000;

/**
 * Providers that may be asked for the same answer, to compare it: none, those that have delivered to this buyer on other
 * occasions, or also new ones. Each one sees the prompt.
 */
export const OPINION_SOURCES = ['nobody', 'known', 'anybody'] as const;
export type OpinionSource = (typeof OPINION_SOURCES)[number];

/** Returns the source that permits less. */
export function narrowerSource(left: OpinionSource, right: OpinionSource): OpinionSource {
  return OPINION_SOURCES.indexOf(left) < OPINION_SOURCES.indexOf(right) ? left : right;
}

const count = z.number().int().nonnegative();

export const answerCheckSchema = z.object({
  /** When the answer was checked; when the report arrived, at its provider. */
  atMs: z.number(),
  tokens: count,
  /** Tokens that an honest provider would not have drawn, by the checking machine or by two other providers. */
  differing: count,
  /** Logits by which the tokens fall short on average; null if the answer was compared with those of others. */
  gapMean: z.number().nonnegative().nullable(),
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
  gapMean: z.number().nonnegative().max(2).nullable(),
  logStanding: z.number().nonnegative().max(1e9),
});
export type CheckReport = z.infer<typeof checkReportSchema>;
