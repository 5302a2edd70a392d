/**
 * The current price of each model. It is computed again at most every ten minutes, the validity of an offer, so that a
 * buyer rarely meets another price than it has read. A job keeps the price that it began with.
 */
import type { Clock } from '../../ports/clock.ts';
import { PRICE_RULES, type PriceFacts, type PriceRules, type Quote, quoteOf } from './policy.ts';

export interface PricedModel {
  readonly id: string;
  readonly sha256: string;
  readonly prefillTokensPerSecond: number | null;
  readonly decodeTokensPerSecond: number | null;
}

export interface PricingOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly rules: () => PriceRules;
  /** Read when a price is computed. */
  readonly facts: (model: PricedModel) => Omit<PriceFacts, 'isOffPeak'>;
  readonly isOffPeak: () => boolean;
  /** Called when a price changed. */
  readonly onChange?: () => void;
}

export interface Pricing {
  quote(model: PricedModel): Quote;
  /** The last quote of each model. */
  quotes(): ReadonlyMap<string, Quote>;
}

const HELD_MS = 600_000;
/** The same while there is no market to follow: at the start, no offer of another provider is known. */
const HELD_ALONE_MS = 60_000;

export function createPricing({ clock, rules, facts, isOffPeak, onChange }: PricingOptions): Pricing {
  const held = new Map<string, { readonly quote: Quote; readonly terms: string; readonly untilMs: number }>();

  return {
    quote(model) {
      const current = rules();
      const offPeak = isOffPeak();
      // The owner's changes apply immediately, and the hours of a discount are announced by the owner.
      const terms = JSON.stringify([model.sha256, offPeak, PRICE_RULES.map((name) => current[name])]);
      const before = held.get(model.id);
      const nowMs = clock.monotonic();
      if (before !== undefined && before.terms === terms && nowMs < before.untilMs) return before.quote;
      const quote = quoteOf(current, { ...facts(model), isOffPeak: offPeak });
      const heldMs = quote.reason === 'own' ? HELD_ALONE_MS : HELD_MS;
      held.set(model.id, { quote, terms, untilMs: nowMs + heldMs });
      if (JSON.stringify(quote) !== JSON.stringify(before?.quote)) onChange?.();
      return quote;
    },
    quotes: () => new Map([...held].map(([id, { quote }]) => [id, quote])),
  };
}
