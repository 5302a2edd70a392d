import type { Ledger } from '../ledger/index.ts';
import type { FinalTransaction } from './spending.ts';

/** Records the event once, however often it is passed. */
export function bookSent(
  ledger: Pick<Ledger, 'sent' | 'customerPaidOut' | 'networkFee'>,
  event: FinalTransaction & { readonly tokenId: string; readonly coinId: string; readonly atMs: number },
): void {
  const { hash, left, fee, payout, coinId, atMs } = event;
  const assetId = event.asset === 'token' ? event.tokenId : coinId;
  if (payout === null) ledger.sent({ txHash: hash, assetId, amount: left, atMs });
  else if (left > 0n) ledger.customerPaidOut({ ...payout, txHash: hash, assetId, amount: left, atMs });
  ledger.networkFee({ txHash: hash, assetId: coinId, amount: fee, atMs });
}
