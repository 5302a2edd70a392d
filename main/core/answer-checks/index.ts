/** Checks bought answers by repeating how their tokens were drawn. */
export { auditRate, type Stakes } from './audit-rate.ts';
export {
  type AnswerChecks,
  type AnswerChecksOptions,
  CHECKED_SHARE,
  createAnswerChecks,
} from './checks.ts';
export { type AnswerEvidence, weighAnswer } from './evidence.ts';
export type { ProvenAnswer } from './proven-answer.ts';
export { createReceivedChecks, type ReceivedChecks, type ReceivedChecksParts } from './received-checks.ts';
export type { BuyOpinion, WantedOpinion } from './second-opinions.ts';
export { addAnswer, isAlarm, NEW_STANDING, type Standing } from './standing.ts';
export { type CheckedAnswer, createStandings } from './standings.ts';
export { createVerdicts, type Verdicts } from './verdicts.ts';
