/**
 * Checks bought answers of models that this machine doesn't have: it buys the beginning of the same answer, with the same seed,
 * from another provider, and a third time where the two differ. Only a provider that two others contradict gathers
 * evidence. Two may be wrong together: each answer counts for a little, and unless both are known from other purchases they
 * have the provider left out for a while, but add no evidence.
 */
import {
  HONEST_DIFFERENCE_SHARE_MAX,
  narrowerSource,
  type OpinionSource,
} from '../../../shared/answer-check.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Allowance } from './allowance.ts';
import { type Comparison, compareAnswers } from './comparison.ts';
import { weighAnswer } from './evidence.ts';
import { createNoting, type NotingParts } from './noting.ts';
import { hasSameInput, isRepeatable, type ProvenAnswer, type RepeatableAnswer } from './proven-answer.ts';

export interface WantedOpinion {
  /** The request as it was sent the first time, with its seed and fewer tokens. */
  readonly asked: AskedCompletion;
  /** The model file. */
  readonly sha256: string;
  /** Peers that have answered already. */
  readonly without: ReadonlySet<string>;
  /** Providers that may be asked. */
  readonly from: Exclude<OpinionSource, 'nobody'>;
  /** Base units that it may cost by the offer, with `inputTokens` and all output tokens that are asked for. */
  readonly costMax: bigint;
  readonly inputTokens: number;
  /** See {@link Allowance.debit}; called before anything is paid. */
  readonly debit: Allowance['debit'];
  readonly requester: AbortSignal;
}

/**
 * Resolves to null if there is no other provider to ask, or if the receipt is missing or refused. Fails with an AppError.
 */
export type BuyOpinion = (wanted: WantedOpinion) => Promise<ProvenAnswer | null>;

export interface SecondOpinionsOptions extends Omit<NotingParts, 'hasGaps' | 'onChecked'> {
  readonly buyOpinion: BuyOpinion;
  readonly allowance: Allowance;
  /** Providers that the owner permits to ask; read for each answer. */
  readonly opinionsFrom: () => OpinionSource;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
  /** True for a provider that has served this buyer well, without its opinions. */
  readonly isKnown: (peer: string) => boolean;
  /** Called when two others contradict a provider, if that is unusual for an honest one and no alarm yet. */
  readonly onDoubt: (peer: string) => void;
}

export interface SecondOpinions {
  /** Takes an answer into the sample, or not. */
  consider(answer: ProvenAnswer): void;
  /** Ends the comparison in progress, without waiting for a purchase on its way. */
  stop(): Promise<void>;
}

/**
 * Share of the answers that are compared once the cost is saved up, so that the time can't be foreseen. Those of a
 * provider with evidence against it are all compared.
 */
const COMPARED_SHARE = 0.1;
/** Tokens of an opinion. A model one step coarser differs within them nearly always (docs/audit.md). */
export const OPINION_TOKENS_MAX = 16;
/** Part of the answer's charge that has to be saved up for each opinion, which reads as much, and writes less. */
const START_SHARE = 0.5;
/** Evidence of an answer from which two others differ within the first three tokens. */
const LOG_DOUBT = Math.log(3);

interface Place {
  readonly answers: readonly ProvenAnswer[];
  readonly found: Comparison;
  /** True if the other two contradict this answer. */
  readonly isAlone: boolean;
}

export function createSecondOpinions(options: SecondOpinionsOptions): SecondOpinions {
  const { standings, log, random, allowance } = options;
  const stopping = new AbortController();
  const { clock, onAlarm } = options;
  const note = createNoting({ standings, clock, log, onAlarm, hasGaps: false });
  let running: Promise<void> | null = null;

  const hasSaved = (opinions: number, { charged }: ProvenAnswer) =>
    allowance.units() >= opinions * START_SHARE * Number(charged);

  const buy = async (answers: readonly [RepeatableAnswer, ...RepeatableAnswer[]], from: OpinionSource) => {
    if (from === 'nobody' || !hasSaved(1, answers[0])) return null;
    const { debit } = allowance;
    const wanted = { ...wantedAfter(answers), from, debit, requester: stopping.signal };
    const answer = await unlessAborted(options.buyOpinion(wanted), stopping.signal);
    return answer !== null && isComparable(answer, answers) ? answer : null;
  };

  async function compare(first: RepeatableAnswer, from: OpinionSource): Promise<void> {
    const answers: [RepeatableAnswer, ...RepeatableAnswer[]] = [first];
    let found = compareAnswers([first.tokens]);
    while (answers.length === 1 || (answers.length === 2 && found.differs)) {
      const next = await buy(answers, from);
      if (next === null) break;
      answers.push(next);
      found = compareAnswers(answers.map(({ tokens }) => tokens));
    }
    if (answers.length === 1) return;
    if (found.differs && found.alone === null) logUndecided(log, answers);
    for (const [index, answer] of answers.entries())
      weigh(answer, { answers, found, isAlone: index === found.alone });
  }

  function weigh(answer: ProvenAnswer, { answers, found, isAlone }: Place): void {
    // A difference that nobody decides is held against nobody.
    const last = found.alone === null ? [] : [isAlone ? 1 : 0];
    const differences = [...Array<number>(found.agreed).fill(0), ...last];
    if (differences.length === 0) return;
    const evidence = weighAnswer(differences, HONEST_DIFFERENCE_SHARE_MAX);
    const others = answers.filter((each) => each !== answer);
    if (isAlone && !others.every(({ peer }) => options.isKnown(peer))) {
      if (evidence.logEvidence >= LOG_DOUBT) options.onDoubt(answer.peer);
      return;
    }
    const { isAlarm, logStanding } = note(answer, evidence);
    if (isAlone && !isAlarm && logStanding >= LOG_DOUBT) options.onDoubt(answer.peer);
  }

  return {
    consider(answer) {
      // Free answers come from the owner's other machines.
      if (answer.charged === 0n) return;
      allowance.save(answer.charged);
      const from = narrowerSource(options.opinionsFrom(), answer.opinionsFrom);
      if (running !== null || stopping.signal.aborted || from === 'nobody') return;
      // For both opinions: without the second one, a difference says nothing.
      if (!hasSaved(2, answer) || !isRepeatable(answer)) return;
      const isSuspected = standings.of(answer.peer).logEvidence > 0;
      if (!isSuspected && random() >= COMPARED_SHARE) return;
      running = compare(answer, from)
        .catch((error: unknown) => {
          if (isAppError(error)) log.info('No second opinion could be bought', { code: error.code });
          else log.error('A second opinion failed', error);
        })
        .finally(() => {
          running = null;
        });
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function wantedAfter(answers: readonly [RepeatableAnswer, ...RepeatableAnswer[]]) {
  const [{ asked, sampling, sha256, tokens, inputTokens, charged }] = answers;
  return {
    asked: { ...asked, seed: sampling.seed, maxTokens: Math.min(tokens.length, OPINION_TOKENS_MAX) },
    without: new Set(answers.map(({ peer }) => peer)),
    ...{ sha256, inputTokens, costMax: charged },
  };
}

/** Fails with `aborted` as soon as the signal aborts; nothing waits for the promise then. */
async function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new AppError('aborted', 'The comparison was stopped.'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function isComparable(
  answer: ProvenAnswer,
  [first]: readonly RepeatableAnswer[],
): answer is RepeatableAnswer {
  return isRepeatable(answer) && hasSameInput(answer.sampling, first?.sampling);
}

function logUndecided(log: Log, answers: readonly ProvenAnswer[]): void {
  log.info('Answers differ, and no third provider decides', { jobs: answers.map(({ jobId }) => jobId) });
}
