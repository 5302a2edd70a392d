/** Buys answers for another service of this process, which limits what each of them may cost. */
import type { AskedCompletion } from '../../../shared/asked.ts';
import type { Price } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import { aboveLimit, type Budget, knownCharge, type RequestBudget } from '../budget/index.ts';
import { type Answer, beginAnswer } from './answer.ts';
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

export interface AnswerBuyer {
  /** Resolves when a provider has begun to answer; fails with an AppError if none does. */
  begin(wanted: WantedAnswer): Promise<Answer>;
}

export interface AnswerBuyerParts {
  readonly search: ProviderSearch;
  readonly clock: Clock;
  readonly budget: Pick<Budget, 'openRequest'>;
  readonly checkRecordable: () => void;
}

export function createAnswerBuyer(parts: AnswerBuyerParts): AnswerBuyer {
  return {
    async begin({ asked, sha256, priceMax, costMax, requester }) {
      parts.checkRecordable();
      return beginAnswer(parts, {
        ...{ asked, sha256, requester },
        onPause: { kind: 'elsewhere' },
        budget: withinCost(parts.budget.openRequest(priceMax), costMax),
        apiKey: null,
      });
    },
  };
}

/** Adds a limit of the cost of all purchases together; the budget's own limits remain. */
function withinCost(budget: RequestBudget, costMax: bigint): RequestBudget {
  let used = 0n;
  return {
    ...budget,
    hold(peer, most) {
      if (used + most > costMax) {
        throw aboveLimit('sale_limit', 'The answer could cost more than was paid for it.', {
          peer,
          costMax: costMax.toString(),
        });
      }
      const hold = budget.hold(peer, most);
      let counted = most;
      used += most;
      const correct = (charged: bigint) => {
        used += charged - counted;
        counted = charged;
      };
      return {
        begin: hold.begin,
        end(end) {
          hold.end(end);
          correct(knownCharge(end) ?? most);
        },
        learned(charged, isEntitled) {
          hold.learned(charged, isEntitled);
          correct(charged);
        },
      };
    },
  };
}
