/**
 * The sequential test of one provider: a CUSUM of e-values (Shin, Ramdas and Rinaldo, "E-detectors", 2023). Whatever the
 * provider did long ago neither helps nor harms it for long: evidence below nothing is forgotten.
 */
import { ANSWERS_PER_FALSE_ALARM } from '../../../shared/answer-check.ts';
import type { AnswerEvidence } from './evidence.ts';

const LOG_ALARM = Math.log(ANSWERS_PER_FALSE_ALARM);

/** Sums of all answers of a provider that were checked in the same way. */
export interface Standing {
  readonly answers: number;
  readonly tokens: number;
  readonly differing: number;
  /** See {@link AnswerEvidence.gapMean}; over all tokens. */
  readonly gapMean: number;
  /** Natural logarithm of the evidence; never negative. */
  readonly logEvidence: number;
}

export const NEW_STANDING: Standing = { answers: 0, tokens: 0, differing: 0, gapMean: 0, logEvidence: 0 };

export function addAnswer(standing: Standing, answer: AnswerEvidence): Standing {
  const tokens = standing.tokens + answer.tokens;
  const gapSum = standing.gapMean * standing.tokens + answer.gapMean * answer.tokens;
  return {
    answers: standing.answers + 1,
    tokens,
    differing: standing.differing + answer.differing,
    gapMean: gapSum / tokens,
    logEvidence: Math.max(0, standing.logEvidence + answer.logEvidence),
  };
}

/** True if an honest provider would hardly have come so far. */
export function isAlarm({ logEvidence }: Pick<Standing, 'logEvidence'>): boolean {
  return logEvidence >= LOG_ALARM;
}
