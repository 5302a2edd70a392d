/** What can be bought now: the union of all offers, each model at its cheapest. */
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Provider } from '../network/index.ts';

/** A model as `GET /v1/models` tells it: OpenAI's shape, and what a buyer wants to know. */
export interface ListedModel {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since the epoch. */
  readonly created: number;
  readonly owned_by: string;
  readonly price: OfferedModel['price'];
  readonly asset: Offer['asset'];
  readonly context_length: number;
  readonly quantisation: string;
  readonly sha256: string;
  readonly decode_tokens_per_second: number | null;
  /** How many sell it. */
  readonly providers: number;
}

/** As much input as output, for comparing prices without a request. */
const SAMPLE = { input: 1_000_000, output: 1_000_000 };

/** One entry for each model, sorted by name. */
export function listModels(
  providers: readonly Provider[],
  accepts: (offer: Offer, model: OfferedModel) => boolean,
): readonly ListedModel[] {
  const listed = new Map<string, { offer: Offer; model: OfferedModel; providers: number }>();
  for (const { offer } of providers) {
    for (const model of offer.models) {
      if (!accepts(offer, model)) continue;
      const known = listed.get(model.id);
      const cheapest = known && charge(known.model.price, SAMPLE) <= charge(model.price, SAMPLE);
      listed.set(model.id, {
        ...(cheapest ? known : { offer, model }),
        providers: (known?.providers ?? 0) + 1,
      });
    }
  }
  return [...listed.values()]
    .map(({ offer, model, providers: count }) => ({
      id: model.id,
      object: 'model' as const,
      created: Math.floor(offer.issuedAtMs / 1_000),
      owned_by: 'idlewatt',
      price: model.price,
      asset: offer.asset,
      context_length: model.contextTokens,
      quantisation: model.quantisation,
      sha256: model.sha256,
      decode_tokens_per_second: model.decodeTokensPerSecond,
      providers: count,
    }))
    .sort((a, b) => a.id.localeCompare(b.id));
}
