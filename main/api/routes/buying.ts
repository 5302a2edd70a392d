/** Routes for purchases: current prices and the amounts spent. */
import { firstTokenOf } from '../../core/jobs/index.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type BuyingParts = Pick<ApiParts, 'ledger' | 'assetId' | 'buying' | 'jobs'>;

/** Enough for several models, and read in one query. */
const PURCHASES_MAX = 200;

export function buyingRoutes(api: ApiImplementer['buying'], { ledger, assetId, buying, jobs }: BuyingParts) {
  return {
    overview: api.overview.handler(({ input }) => {
      const bought = jobs.list({ side: 'bought', outcome: 'all', limit: PURCHASES_MAX }).jobs;
      return {
        spentDay: buying.spentDay().toString(),
        models: ledger
          .spentByModel(assetId, input.days)
          .map(({ name, spent, jobs }) => ({ model: name, spent: spent.toString(), jobs })),
        providers: ledger
          .spentByPeer(assetId, input.days)
          .map(({ name, spent, jobs }) => ({ peer: name, spent: spent.toString(), jobs })),
        offers: buying.offers().map((offer) => {
          const first = firstTokenOf(bought, offer.model);
          return { ...offer, firstTokenMs: first.ms, firstTokens: first.jobs };
        }),
      };
    }),
  };
}
