/** Routes for purchases: current prices and the amounts spent. */
import { firstTokenOf } from '../../core/jobs/index.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type BuyingParts = Pick<ApiParts, 'ledger' | 'assetId' | 'buying' | 'jobs' | 'daysIn'>;

/** Enough for several models, and read in one query. */
const PURCHASES_MAX = 200;

export function buyingRoutes(api: ApiImplementer['buying'], parts: BuyingParts) {
  const { ledger, assetId, buying, jobs, daysIn } = parts;
  return {
    overview: api.overview.handler(({ input }) => {
      const bought = jobs.list({ side: 'bought', outcome: 'all', limit: PURCHASES_MAX }).jobs;
      const days = daysIn(input.period);
      return {
        spentDay: buying.spentDay().toString(),
        deposited: ledger.balance('channels:deposited', assetId).toString(),
        models: ledger
          .spentByModel(assetId, days)
          .map(({ name, spent, jobs }) => ({ model: name, spent: spent.toString(), jobs })),
        providers: ledger
          .spentByPeer(assetId, days)
          .map(({ name, spent, jobs }) => ({ peer: name, spent: spent.toString(), jobs })),
        offers: buying.offers().map((offer) => {
          const first = firstTokenOf(bought, offer.model);
          return { ...offer, firstTokenMs: first.ms, firstTokens: first.jobs };
        }),
      };
    }),
  };
}
