/** The budget of one request, over all providers that it pays: price limit, cost, and at most one untrusted provider. */
import { assert } from '../../../shared/assert.ts';
import type { AppError } from '../../../shared/errors.ts';
import type { Price } from '../../../shared/price.ts';
import type { Log } from '../../ports/log.ts';
import { aboveLimit } from './passed-over.ts';

/** End of a purchase. A charge of null is unknown and counts as the maximum. */
export type HoldEnd =
  /** Nothing was signed for the provider. */
  | { readonly kind: 'unused' }
  /** The provider refused the payment and proved the channel's state. */
  | { readonly kind: 'refused' }
  /** A valid receipt proves the charge. */
  | { readonly kind: 'proven'; readonly charged: bigint; readonly model: string; readonly price: Price }
  /** The same for an answer that was bought for comparison. It is no evidence of trust, and its price none of prices. */
  | { readonly kind: 'compared'; readonly charged: bigint }
  /** The client left, or the provider paused. */
  | { readonly kind: 'stopped'; readonly charged: bigint | null }
  | { readonly kind: 'failed'; readonly charged: bigint | null };

/** The job of a purchase, with the channel that pays for it. */
export interface HeldJob {
  readonly id: string;
  readonly channelId: string;
}

/** Part of the budget that one purchase holds. */
export interface Hold {
  /** Called when the job is recorded, before that is on disk and anything is sent. */
  begin(job: HeldJob): void;
  /** Only the first call counts. */
  end(end: HoldEnd): void;
  /**
   * Replaces the charge that the end counted by the one that the provider proved later. If that is more than it was
   * entitled to, the purchase counts as failed.
   */
  learned(charged: bigint, isEntitled: boolean): void;
}

export interface RequestBudget {
  /** Returns the highest price for the model; it stays the same for the whole request. */
  priceLimit(model: string, offered: readonly Price[]): Price;
  /** Returns the error for a model whose cheapest offer exceeds the limit, and logs it. */
  aboveLimit(cheapest: { readonly id: string; readonly price: Price }, limit: Price): AppError;
  /** Holds the maximum cost of a purchase. Fails with `payment-required`, see `aboveLimit`. */
  hold(peer: string, costMax: bigint): Hold;
}

export interface RequestBudgetParts {
  readonly limitOf: (model: string, offered: readonly Price[]) => Price;
  readonly isTrusted: (peer: string) => boolean;
  readonly requestMax: () => bigint;
  readonly leftToday: () => bigint;
  readonly reserve: (units: bigint) => void;
  readonly settle: (peer: string, reserved: bigint, charged: bigint, end: HoldEnd) => void;
  /** Counts the difference between a charge and what was counted for it at that time. */
  readonly correct: (charged: bigint, counted: bigint, countedAtMs: number) => void;
  readonly noteFailure: (peer: string) => void;
  readonly now: () => number;
  readonly log: Log;
}

/** Untrusted providers that one request may pay. */
const UNTRUSTED_MAX = 1;

/** See {@link RequestBudget}. */
export function openRequestBudget(parts: RequestBudgetParts): RequestBudget {
  const limits = new Map<string, Price>();
  /** Providers that got a payment of this request, and whether they were trusted when they were first asked. */
  const paid = new Map<string, boolean>();
  /** Base units that this request has cost or may still cost. */
  let used = 0n;

  function checkHold(peer: string, costMax: bigint): void {
    // A provider that was trusted and has failed since doesn't keep another one from continuing its answer.
    const untrusted = [...paid].filter(
      ([each, wasTrusted]) => each !== peer && !wasTrusted && !parts.isTrusted(each),
    );
    if (untrusted.length >= UNTRUSTED_MAX && !parts.isTrusted(peer)) {
      throw aboveLimit('new_provider_limit', 'A request pays at most one provider without valid receipts.', {
        peer,
      });
    }
    if (used + costMax > parts.requestMax()) {
      throw aboveLimit(
        'request_budget_exceeded',
        'The request may cost more than “Budget per request” in the settings. Lower max_tokens, or raise the budget.',
        { peer, costMax: costMax.toString(), param: 'max_tokens' },
      );
    }
    if (costMax > parts.leftToday()) {
      parts.log.warn('A request exceeds what is left of the daily budget', { costMax: costMax.toString() });
      throw aboveLimit(
        'daily_budget_spent',
        'The budget for 24 hours is used up. Raise “Budget per day” in the settings, or wait.',
      );
    }
  }

  return {
    priceLimit(model, offered) {
      const limit = limits.get(model) ?? parts.limitOf(model, offered);
      limits.set(model, limit);
      return limit;
    },
    aboveLimit({ id, price }, limit) {
      const given = { price: text(price), limit: text(limit) };
      parts.log.info('A model costs more than its maximum price', { model: id, ...given });
      return aboveLimit(
        'price_above_limit',
        `That model costs more than the maximum price (${given.limit}): the cheapest offer is ${given.price}, in base ` +
          'units per million tokens. Raise the maximum price in the settings or in the request, or choose another model.',
        { param: 'model', ...given },
      );
    },
    hold(peer, costMax) {
      checkHold(peer, costMax);
      const wasPaid = paid.has(peer);
      if (!wasPaid) paid.set(peer, parts.isTrusted(peer));
      used += costMax;
      parts.reserve(costMax);
      let counted: { readonly charged: bigint; readonly atMs: number; readonly hasFailed: boolean } | null =
        null;
      return {
        begin: () => undefined,
        end(end) {
          if (counted !== null) return;
          counted = { charged: chargeOf(end, costMax), atMs: parts.now(), hasFailed: end.kind === 'failed' };
          if (end.kind === 'unused' && !wasPaid) paid.delete(peer);
          used += counted.charged - costMax;
          parts.settle(peer, costMax, counted.charged, end);
        },
        learned(charged, isEntitled) {
          assert(counted !== null, 'a charge is learned after the purchase has ended');
          used += charged - counted.charged;
          parts.correct(charged, counted.charged, counted.atMs);
          const isFailure = !isEntitled && !counted.hasFailed;
          if (isFailure) parts.noteFailure(peer);
          counted = { ...counted, charged, hasFailed: counted.hasFailed || isFailure };
        },
      };
    },
  };
}

function text({ inputPerMillion, outputPerMillion }: Price): string {
  return `input=${inputPerMillion}; output=${outputPerMillion}`;
}

function chargeOf(end: HoldEnd, costMax: bigint): bigint {
  return knownCharge(end) ?? costMax;
}

/** Returns the charge of a purchase that has ended; null while it is unknown. */
export function knownCharge(end: HoldEnd): bigint | null {
  return end.kind === 'unused' || end.kind === 'refused' ? 0n : end.charged;
}
