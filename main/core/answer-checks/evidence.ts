/**
 * Evidence of one repeated answer against its provider, as an e-value: a number whose mean is at most 1 for honest providers,
 * and which grows with every token that falls short. E-values of several answers multiply, with no limit on how many are
 * looked at and when. The bet on each token is the one of Waudby-Smith and Ramdas, "Estimating means of bounded random
 * variables by betting" (JRSS B, 2024).
 */
import { HONEST_GAP_MEAN_MAX } from '../../../shared/answer-check.ts';

/**
 * Stakes of the bets, as a mixture: the high one finds a gross cheat within a few tokens, the low one a subtle one that
 * makes few tokens fall short. Each is below 1 / 0.04, the larger limit for honest providers, so that no bet can lose
 * everything.
 */
const STAKES: readonly number[] = [3, 12];

/** Sum of what the tokens of one checked answer showed. */
export interface AnswerEvidence {
  readonly tokens: number;
  /** Tokens that are not the ones that were drawn here, or by two other providers. */
  readonly differing: number;
  /** Logits; the share of differing tokens if the answer was compared with those of others. */
  readonly gapMean: number;
  /** Natural logarithm of the e-value. */
  readonly logEvidence: number;
}

/**
 * `gaps` has one entry for each token, 0 to 2; `honestMax` is their highest mean at an honest provider, given the tokens
 * before. Fails for an empty answer, which says nothing.
 */
export function weighAnswer(gaps: readonly number[], honestMax = HONEST_GAP_MEAN_MAX): AnswerEvidence {
  if (gaps.length === 0) throw new Error('an answer without tokens can’t be weighed');
  const differing = gaps.filter((gap) => gap > 0).length;
  const gapMean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const logs = STAKES.map((stake) =>
    gaps.reduce((sum, gap) => sum + Math.log1p(stake * (gap - honestMax)), 0),
  );
  return { tokens: gaps.length, differing, gapMean, logEvidence: logMeanOfExp(logs) };
}

/** The logarithm of the mean, without leaving the range of numbers. */
function logMeanOfExp(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0) / logs.length);
}
