/** Routes for purchases: current prices and the amounts spent. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type BuyingParts = Pick<ApiParts, 'ledger' | 'assetId' | 'buying'>;

export function buyingRoutes(api: ApiImplementer['buying'], { ledger, assetId, buying }: BuyingParts) {
  return {
    overview: api.overview.handler(({ input }) => ({
      spentDay: buying.spentDay().toString(),
      models: ledger
        .spentByModel(assetId, input.days)
        .map(({ name, spent, jobs }) => ({ model: name, spent: spent.toString(), jobs })),
      providers: ledger
        .spentByPeer(assetId, input.days)
        .map(({ name, spent, jobs }) => ({ peer: name, spent: spent.toString(), jobs })),
      offers: [...buying.offers()],
    })),
  };
}
