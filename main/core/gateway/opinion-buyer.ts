/**
 * Buys an answer for comparison with another provider's: a job like any other, from a provider that has delivered to this
 * buyer, or from one of a few strangers. Among those that are affordable the draw doesn't depend on the price, which would
 * prefer those that save by a smaller model. What is bought here makes no provider better known, and no price usual:
 * otherwise strangers could come to decide over others by their opinions.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
import { charge } from '../../../shared/price.ts';
import type { BuyOpinion, ProvenAnswer, WantedOpinion } from '../answer-checks/index.ts';
import { type Budget, isAboveLimit, knownCharge, type RequestBudget } from '../budget/index.ts';
import type { Experience } from '../reputation/index.ts';
import { openAttempt } from './attempt.ts';
import type { Candidates } from './candidates.ts';
import type { Candidate } from './choice.ts';
import { asFailure } from './provider-errors.ts';
import type { ProviderSearch } from './provider-search.ts';
import type { Purchase, PurchaseContext } from './purchase.ts';
import type { Batch } from './response-reader.ts';

export interface OpinionBuyerParts {
  readonly context: PurchaseContext;
  readonly candidates: Pick<Candidates, 'list' | 'hasFailed'>;
  readonly experience: Experience;
  readonly search: Pick<ProviderSearch, 'conclude' | 'noteFailure'>;
  readonly budget: Pick<Budget, 'openRequest' | 'isTrusted' | 'takeOpinionPlace'>;
  readonly checkRecordable: () => void;
  /** From 0 to 1, exclusive. */
  readonly random: () => number;
}

/** The provider of an opinion isn't the best one for the conversation. */
const NO_HOLDERS = { note: () => undefined };

export function createOpinionBuyer(parts: OpinionBuyerParts): BuyOpinion {
  const { context, candidates, search, random } = parts;
  const { isTrusted } = parts.budget;
  const experience = withoutLearning(parts.experience);
  const { conclude } = search;

  function isSuitable({ peer, model, terms }: Candidate, { asked, inputTokens, costMax }: WantedOpinion) {
    const cost = charge(model.price, { input: inputTokens, output: asked.maxTokens ?? 0 });
    return cost <= costMax && terms?.isFull !== true && !candidates.hasFailed(peer);
  }

  function draw(suitable: readonly Candidate[], from: WantedOpinion['from']): Candidate | undefined {
    const trusted = suitable.filter(({ peer }) => isTrusted(peer));
    // Only those that are well known can hold a difference against another one.
    const known = trusted.filter(({ peer }) => experience.isKnown(peer));
    const proven = known.length > 0 ? known : trusted;
    if (proven.length > 0) return proven[Math.floor(random() * proven.length)];
    if (from !== 'anybody' || suitable.length === 0 || !parts.budget.takeOpinionPlace()) return undefined;
    return suitable[Math.floor(random() * suitable.length)];
  }

  async function buy(candidate: Candidate, wanted: WantedOpinion, budget: RequestBudget) {
    const { asked, requester } = wanted;
    let answer: ProvenAnswer | null = null;
    // It isn't a candidate for a check of its own.
    const onProven = (proven: ProvenAnswer) => {
      answer = proven;
    };
    const attempt = openAttempt(
      { context: { ...context, onProven }, holders: NO_HOLDERS, experience, conclude },
      candidate,
      { asked, requester, budget, continuation: null, apiKey: null, hedge: null },
    );
    const { purchase, first } = await attempt.started;
    const failure = await readToEnd(purchase, first);
    await conclude(purchase, failure);
    if (failure !== undefined) throw failure;
    return answer;
  }

  return async (wanted) => {
    const { asked, sha256, without, requester } = wanted;
    parts.checkRecordable();
    const budget = forComparison(parts.budget.openRequest(null), wanted.debit);
    const listed = await candidates.list(asked, { jobId: null, sha256, without }, budget);
    if (requester.aborted) throw new AppError('aborted', 'Nobody needs the opinion any longer.');
    const candidate = draw(
      listed.filter((each) => isSuitable(each, wanted)),
      wanted.from,
    );
    if (candidate === undefined) return null;
    try {
      return await buy(candidate, wanted, budget);
    } catch (error) {
      if (!requester.aborted && !isAboveLimit(error)) search.noteFailure(candidate.peer);
      throw error;
    }
  };
}

/** Debits what each purchase may cost, and corrects it; its end counts for nothing but the money. */
function forComparison(budget: RequestBudget, debit: WantedOpinion['debit']): RequestBudget {
  return {
    ...budget,
    hold(peer, costMax) {
      const own = budget.hold(peer, costMax);
      const correct = debit(costMax);
      return {
        begin: own.begin,
        end(end) {
          own.end(end.kind === 'proven' ? { kind: 'compared', charged: end.charged } : end);
          const charged = knownCharge(end);
          if (charged !== null) correct(charged);
        },
        learned(charged, isEntitled) {
          own.learned(charged, isEntitled);
          correct(charged);
        },
      };
    },
  };
}

/** Reads what is known, and counts requests in progress; but learns nothing from them except that a provider is busy. */
function withoutLearning(experience: Experience): Experience {
  return { ...experience, noteFirstToken: () => undefined, noteEnd: () => undefined };
}

/** Returns the failure that ended the answer; undefined for a whole one. */
async function readToEnd(purchase: Purchase, first: Batch) {
  try {
    for (let batch = first; batch.end === null; ) batch = await purchase.next();
    return undefined;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return asFailure(error);
  }
}
