/** The storefront's own offer: the market's models at its prices, as its buyers see them and its receipts name them. */
import { plainAsset } from '../../../shared/money.ts';
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PeerKey } from '../../ports/network.ts';
import type { PaymentGate } from '../../ports/payments.ts';
import { createOffers, type Offers } from '../identity/index.ts';
import type { Provider } from '../network/index.ts';
import { type MarketModel, marketModels, withMargin } from './prices.ts';

export interface MarketOffersParts {
  readonly key: PeerKey;
  readonly clock: Clock;
  readonly gate: Pick<PaymentGate, 'asset' | 'payout'>;
  readonly networkId: string;
  readonly providers: () => readonly Provider[];
  readonly accepts: (offer: Offer, model: OfferedModel) => boolean;
  readonly marginPercent: () => number;
  readonly slots: number;
}

export interface MarketOffers extends Offers {
  /** The market's terms for a model; null if nobody offers it. */
  find(modelId: string): MarketModel | null;
  /** Name of any model that is offered, for examples; null if there is none. */
  first(): string | null;
}

/** Time for which the market's offers are compared once. */
const FRESH_MS = 1_000;
/** An offer has at most as many. */
const MODELS_MAX = 64;

export function createMarketOffers(parts: MarketOffersParts): MarketOffers {
  const { key, clock, gate, networkId, slots } = parts;
  let known: { readonly atMs: number; readonly models: ReadonlyMap<string, MarketModel> } | null = null;

  function models(): ReadonlyMap<string, MarketModel> {
    if (known === null || clock.monotonic() - known.atMs >= FRESH_MS) {
      const found = marketModels(parts.providers(), parts.accepts).slice(0, MODELS_MAX);
      known = { atMs: clock.monotonic(), models: new Map(found.map((model) => [model.id, model])) };
    }
    return known.models;
  }

  const offers = createOffers({
    key,
    clock,
    terms: () => ({
      payout: gate.payout,
      networks: [networkId],
      asset: plainAsset(gate.asset),
      models: [...models().values()].map(({ providers: _, ...model }) => ({
        ...model,
        price: withMargin(model.price, parts.marginPercent()),
      })),
      slots,
    }),
    // Its buyers pay over HTTPS: the certificate tells them whom.
    bindings: { current: async () => null },
  });
  return {
    current: offers.current,
    find: (modelId) => models().get(modelId) ?? null,
    first: () => models().keys().next().value ?? null,
  };
}
