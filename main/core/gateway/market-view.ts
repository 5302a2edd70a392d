/** Lists the models on offer, each with the provider that the gateway would choose. */
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import type { Provider } from '../network/index.ts';
import { type Knowledge, rank } from './choice.ts';

export interface OfferedNow {
  readonly model: string;
  readonly providers: number;
  /** Of the provider that the gateway would try first for {@link SAMPLE}. */
  readonly peer: string;
  readonly inputPerMillion: string;
  readonly outputPerMillion: string;
  /** By the provider's own measurement; null if it has none. */
  readonly decodeTokensPerSecond: number | null;
  readonly contextTokens: number;
}

/** A usual question: the cheapest provider may differ for a long prompt. */
const SAMPLE = { inputTokens: 300, outputTokens: 300 };
const MODELS_MAX = 200;

/** Sorted by model ID. */
export function marketView(
  providers: readonly Provider[],
  accepts: (offer: Offer, model: OfferedModel) => boolean,
  knowledge: Knowledge | null = null,
): readonly OfferedNow[] {
  const ids = new Set(providers.flatMap(({ offer }) => offer.models.map(({ id }) => id)));
  return [...ids]
    .sort()
    .slice(0, MODELS_MAX)
    .flatMap((modelId) => {
      const ranked = rank(providers, { modelId, ...SAMPLE }, accepts, knowledge);
      const best = ranked[0];
      if (best === undefined) return [];
      const { price, decodeTokensPerSecond, contextTokens } = best.model;
      return [
        {
          model: modelId,
          providers: ranked.length,
          peer: best.peer,
          ...price,
          decodeTokensPerSecond,
          contextTokens,
        },
      ];
    });
}
