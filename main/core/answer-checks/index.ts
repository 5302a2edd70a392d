/** Checks bought answers by repeating how their tokens were drawn. */
export { auditRate, type Stakes } from './audit-rate.ts';
export {
  type AnswerChecks,
  type AnswerChecksOptions,
  CHECKED_SHARE,
  createAnswerChecks,
  type ProvenAnswer,
} from './checks.ts';
export { type AnswerEvidence, HONEST_GAP_MEAN_MAX, weighAnswer } from './evidence.ts';
export { ANSWERS_PER_FALSE_ALARM, addAnswer, isAlarm, NEW_STANDING, type Standing } from './standing.ts';
export { type CheckedAnswer, createStandings } from './standings.ts';
