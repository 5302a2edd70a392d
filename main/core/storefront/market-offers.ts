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

interface Known {
  readonly atMs: number;
  readonly providers: readonly Provider[];
  readonly models: ReadonlyMap<string, MarketModel>;
}

export function createMarketOffers(parts: MarketOffersParts): MarketOffers {
  const { key, clock, gate, networkId, slots } = parts;
  let known: Known | null = null;

  function models(): ReadonlyMap<string, MarketModel> {
    const fresh = known !== null && clock.monotonic() - known.atMs < FRESH_MS ? known : null;
    if (fresh !== null && fresh.models.size > 0) return fresh.models;
    const providers = parts.providers();
    // A market without a model is compared again as soon as an offer is new: it would be refused as empty meanwhile.
    if (fresh !== null && isSame(providers, fresh.providers)) return fresh.models;
    const found = marketModels(providers, parts.accepts).slice(0, MODELS_MAX);
    const models = new Map(found.map((model) => [model.id, model]));
    known = { atMs: clock.monotonic(), providers, models };
    return models;
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

function isSame(left: readonly Provider[], right: readonly Provider[]): boolean {
  return left.length === right.length && left.every(({ offer }, index) => offer === right[index]?.offer);
}
