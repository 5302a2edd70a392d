/** Adds the evidence of a checked answer to the standing of its provider, stores it, and raises the alarm. */
import type { AnswerCheck } from '../../../shared/answer-check.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { AnswerEvidence } from './evidence.ts';
import type { ProvenAnswer } from './proven-answer.ts';
import { addAnswer, isAlarm, type Standing } from './standing.ts';
import type { Standings } from './standings.ts';

export interface NotingParts {
  readonly standings: Standings;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** False if the answers are compared, so that no gaps in logits are known. */
  readonly hasGaps: boolean;
  /** Called with each checked answer and the sums of its provider, those of this answer included. */
  readonly onChecked?: ((answer: ProvenAnswer, check: AnswerCheck, standing: Standing) => void) | undefined;
  /** Called with the last answer of a provider whose answers can hardly be honest. */
  readonly onAlarm: (answer: ProvenAnswer, check: AnswerCheck) => void;
}

/** Returns a function that notes one checked answer and returns its check. */
export function createNoting({ standings, clock, log, hasGaps, onChecked, onAlarm }: NotingParts) {
  return (answer: ProvenAnswer, evidence: AnswerEvidence): AnswerCheck => {
    const { jobId, peer } = answer;
    const standing = addAnswer(standings.of(peer), evidence);
    const { tokens, differing } = evidence;
    const gapMean = hasGaps ? evidence.gapMean : null;
    const { logEvidence: logStanding } = standing;
    const check = { atMs: clock.now(), tokens, differing, gapMean, logStanding, isAlarm: isAlarm(standing) };
    standings.add(peer, standing, { ...check, jobId, logEvidence: evidence.logEvidence });
    log.info('A bought answer was checked', { job: jobId, provider: peer, tokens, differing, gapMean });
    onChecked?.(answer, check, standing);
    if (check.isAlarm) {
      // After the penalty the provider begins again without this evidence.
      standings.reset(peer);
      onAlarm(answer, check);
    }
    return check;
  };
}
