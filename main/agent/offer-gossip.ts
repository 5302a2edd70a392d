/** Gossip about changed offers in the open market: this machine's own, and those of the models that it buys. */
import { offerShardOf } from '../../shared/offer-shards.ts';
import type { OfferTerms } from '../core/identity/index.ts';
import { CATALOGUE } from '../core/models/index.ts';
import { type Directory, refreshByHints, watchOffer } from '../core/network/index.ts';
import type { Market, Network } from '../ports/network.ts';
import type { Surroundings } from './surroundings.ts';

export interface HeardParts {
  readonly network: Network;
  readonly market: Market;
  readonly directory: Directory;
}

/** Returns the directory such that it hears the changes of a model from the first search for it. */
export function hearingChanges(
  { clock, onClose }: Pick<Surroundings, 'clock' | 'onClose'>,
  { network, market, directory }: HeardParts,
): Directory {
  const { refresh } = directory;
  const hinted = refreshByHints({ hints: market.hints, network, clock, refresh });
  onClose(() => hinted.stop());
  /** The files of a model that is not in the catalog are those that are offered. */
  const filesOf = (modelId: string) => [
    ...CATALOGUE.flatMap(({ id, sha256 }) => (id === modelId && sha256 !== null ? [sha256] : [])),
    ...directory
      .providers()
      .flatMap(({ offer }) => offer.models.filter(({ id }) => id === modelId).map(({ sha256 }) => sha256)),
  ];
  return {
    ...directory,
    async find(modelId, without) {
      const found = await directory.find(modelId, without);
      if (modelId !== null) hinted.use(filesOf(modelId).map(offerShardOf));
      return found;
    },
  };
}

export interface ToldParts {
  readonly market: Market;
  readonly offerTerms: () => OfferTerms;
  /** Call their listener when the offer may have changed. */
  readonly sources: readonly ((listener: () => void) => () => void)[];
}

/** Tells the market from now on when the offer of this machine changes. */
export function tellChanges(
  { clock, onClose }: Pick<Surroundings, 'clock' | 'onClose'>,
  { market, offerTerms, sources }: ToldParts,
): void {
  const watched = watchOffer({
    hints: market.hints,
    clock,
    offered() {
      const { models, refuses = [], slots, payout } = offerTerms();
      // The speeds follow the load of the moment, so they alone are worth no message to every buyer.
      const sold = models.map(({ id, sha256, price, batchPrice }) => [id, sha256, price, batchPrice]);
      return {
        terms: JSON.stringify([sold, refuses, slots, payout]),
        shards: new Set(models.map(({ sha256 }) => offerShardOf(sha256))),
      };
    },
  });
  onClose(() => watched.stop());
  for (const listen of sources) onClose(listen(watched.check));
}
