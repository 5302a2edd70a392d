/** The budget of one request within the limits of its key. */
import type { KeyLimits } from '../../../shared/gateway-keys.ts';
import { QUOTA_EXCEEDED } from '../../../shared/openai-errors.ts';
import type { Log } from '../../ports/log.ts';
import { aboveLimit, knownCharge, type RequestBudget } from '../budget/index.ts';
import type { KeySpending } from './key-spending.ts';

type BudgetLimits = Pick<KeyLimits, 'dayMax' | 'totalMax'> & { readonly id: string };

export interface KeyBudgetParts {
  readonly key: BudgetLimits;
  readonly spending: KeySpending;
  readonly log: Log;
}

/**
 * Fails with `payment-required` (`details.code` is OpenAI's `insufficient_quota`) unless the key has this much left;
 * `details.renews` if waiting helps.
 */
export function checkKeyBudget({ key, spending, log }: KeyBudgetParts, costMax: bigint): void {
  const isWithin = (max: string | null, spent: bigint) => max === null || spent + costMax <= BigInt(max);
  const details = { costMax: costMax.toString() };
  if (!isWithin(key.totalMax, spending.total(key.id))) {
    log.info('A request exceeds the budget of its key', { id: key.id, ...details });
    throw aboveLimit(
      QUOTA_EXCEEDED,
      'This request exceeds what is left of this API key’s budget. Lower max_tokens, or use a key with a higher budget.',
      details,
    );
  }
  if (!isWithin(key.dayMax, spending.day(key.id))) {
    log.info('A request exceeds the budget of its key for 24 hours', { id: key.id, ...details });
    throw aboveLimit(
      QUOTA_EXCEEDED,
      'This request exceeds what is left of this API key’s budget for 24 hours. Lower max_tokens, or wait.',
      { ...details, renews: true },
    );
  }
}

/** Adds the key's limits to a budget; what the request costs counts for both. */
export function withinKey(parts: KeyBudgetParts, budget: RequestBudget): RequestBudget {
  return {
    ...budget,
    hold(peer, costMax) {
      checkKeyBudget(parts, costMax);
      const hold = budget.hold(peer, costMax);
      const own = parts.spending.hold(parts.key.id, costMax);
      return {
        begin(job) {
          hold.begin(job);
          own.begin(job);
        },
        end(end) {
          hold.end(end);
          own.end(knownCharge(end));
        },
        learned(charged, isEntitled) {
          hold.learned(charged, isEntitled);
          own.end(charged);
        },
      };
    },
  };
}
