/** The wallet's transfers and its history; the owner confirms a transfer elsewhere, never on a page. */
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type WalletParts = Pick<ApiParts, 'spending' | 'refreshBalances'>;

export function walletRoutes(api: ApiImplementer['wallet'], { spending, refreshBalances }: WalletParts) {
  return {
    refresh: api.refresh.handler(async () => {
      await refreshBalances();
      return {};
    }),
    prepareSend: api.prepareSend.handler(({ input }) => spending.prepare(input)),
    requestSend: api.requestSend.handler(({ input }) => spending.send(input.id)),
    speedUp: api.speedUp.handler(({ input }) => spending.speedUp(input.hash)),
    cancel: api.cancel.handler(({ input }) => spending.cancel(input.hash)),
    history: api.history.handler(({ input }) => ({
      transactions: [...spending.history(input.limit)],
    })),
  };
}
