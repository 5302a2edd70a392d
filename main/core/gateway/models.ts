/** Lists the models that can be bought now: the union of all offers, each model at its lowest price. */
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Provider } from '../network/index.ts';

/** A model as `GET /v1/models` returns it: OpenAI's fields, and price, limits and speed for a buyer. */
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
  /** Abilities of the model beyond plain text, at any of its providers. */
  readonly features: readonly string[];
  /** Number of providers that sell it. */
  readonly providers: number;
}

interface Listed {
  readonly offer: Offer;
  readonly model: OfferedModel;
  readonly providers: number;
  readonly features: ReadonlySet<string>;
}

/** Equal numbers of input and output tokens, to compare prices without a request. */
const SAMPLE = { input: 1_000_000, output: 1_000_000 };

/** Returns one entry per model, sorted by name. */
export function listModels(
  providers: readonly Provider[],
  accepts: (offer: Offer, model: OfferedModel) => boolean,
): readonly ListedModel[] {
  const listed = new Map<string, Listed>();
  for (const { offer } of providers) {
    for (const model of offer.models) {
      if (!accepts(offer, model)) continue;
      const known = listed.get(model.id);
      const cheapest = known && charge(known.model.price, SAMPLE) <= charge(model.price, SAMPLE);
      listed.set(model.id, {
        ...(cheapest ? known : { offer, model }),
        providers: (known?.providers ?? 0) + 1,
        features: new Set([...(known?.features ?? []), ...(model.features ?? [])]),
      });
    }
  }
  return [...listed.values()]
    .map(({ offer, model, providers: count, features }) => ({
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
      features: [...features].sort(),
      providers: count,
    }))
    .sort((a, b) => a.id.localeCompare(b.id));
}
