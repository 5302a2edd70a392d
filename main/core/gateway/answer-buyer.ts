/** Buys answers for another service of this process, which limits what each of them may cost. */
import type { AskedCompletion } from '../../../shared/asked.ts';
import type { Price } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import { aboveLimit, type Budget, type Hold, knownCharge, type RequestBudget } from '../budget/index.ts';
import { isLateAfter } from '../openai-http/index.ts';
import { type Answer, beginAnswer } from './answer.ts';
import type { Availability } from './availability.ts';
import type { ProviderSearch } from './provider-search.ts';

export interface WantedAnswer {
  readonly asked: AskedCompletion;
  /** The model file that has to answer. */
  readonly sha256: string;
  /** Highest price at each provider. */
  readonly priceMax: Price;
  /** Base units that all parts of the answer together may cost. */
  readonly costMax: bigint;
  /** Aborts once nobody wants the answer. */
  readonly requester: AbortSignal;
}

export interface BoughtAnswer extends Answer {
  /**
   * Base units that all its providers charge. The charge of one whose receipt was lost is queried; null if that takes too
   * long. To be called once the answer is concluded.
   */
  cost(): Promise<bigint | null>;
}

export interface AnswerBuyer {
  /** Resolves when a provider has begun to answer; fails with an AppError if none does. */
  begin(wanted: WantedAnswer): Promise<BoughtAnswer>;
}

/** Also counts the answers that it has begun, or is searching a provider for, and that aren't concluded. */
export interface CountedAnswerBuyer extends AnswerBuyer {
  active(): number;
}

export interface AnswerBuyerParts {
  readonly search: ProviderSearch;
  readonly clock: Clock;
  readonly budget: Pick<Budget, 'openRequest'>;
  readonly checkRecordable: () => void;
  readonly availability: Pick<Availability, 'check'>;
}

/** A charge that a provider doesn’t return by then counts as unknown. */
const COST_MS_MAX = 10_000;

export function createAnswerBuyer(parts: AnswerBuyerParts): CountedAnswerBuyer {
  const active = new Set<WantedAnswer>();
  return {
    active: () => active.size,
    async begin(wanted) {
      parts.availability.check();
      parts.checkRecordable();
      const { asked, sha256, priceMax, costMax, requester } = wanted;
      const { budget, known, used } = withinCost(parts.budget.openRequest(priceMax), costMax);
      active.add(wanted);
      const request = { asked, sha256, requester, budget, apiKey: null } as const;
      const answer = await beginAnswer(parts, { ...request, onPause: { kind: 'elsewhere' } }).catch(
        (error: unknown) => {
          active.delete(wanted);
          throw error;
        },
      );
      const cost = async () => ((await isLateAfter(parts.clock, known(), COST_MS_MAX)) ? null : used());
      const conclude: Answer['conclude'] = (cause) =>
        answer.conclude(cause).finally(() => active.delete(wanted));
      return { ...answer, conclude, cost };
    },
  };
}

interface LimitedCost {
  readonly budget: RequestBudget;
  /** Base units that the purchases have cost or may still cost. */
  used(): bigint;
  /** Resolves when the charge of each purchase so far is known. */
  known(): Promise<unknown>;
}

/** Adds a limit of the cost of all purchases together; the budget's own limits remain. */
function withinCost(budget: RequestBudget, costMax: bigint): LimitedCost {
  let used = 0n;
  const charges: Promise<void>[] = [];

  function hold(peer: string, most: bigint): Hold {
    if (used + most > costMax) {
      const details = { peer, costMax: costMax.toString() };
      throw aboveLimit('sale_limit', 'The answer could cost more than was paid for it.', details);
    }
    const own = budget.hold(peer, most);
    const { promise, resolve } = Promise.withResolvers<void>();
    charges.push(promise);
    let counted = most;
    used += most;
    const count = (charged: bigint | null) => {
      if (charged === null) return;
      used += charged - counted;
      counted = charged;
      resolve();
    };
    return {
      begin: own.begin,
      end(end) {
        own.end(end);
        count(knownCharge(end));
      },
      learned(charged, isEntitled) {
        own.learned(charged, isEntitled);
        count(charged);
      },
    };
  }

  return { budget: { ...budget, hold }, used: () => used, known: () => Promise.all(charges) };
}
