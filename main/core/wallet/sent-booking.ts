/** Records a final transaction of the wallet: the sent amount, and the fee, which a failed transaction costs too. */
import { type Amount, amount } from '../../../shared/money.ts';
import type { Ledger } from '../ledger/index.ts';
import type { FinalTransaction } from './spending.ts';

/** Records the event once, however often it is passed. */
export function bookSent(
  ledger: Pick<Ledger, 'post' | 'networkFee'>,
  event: FinalTransaction & { readonly tokenId: string; readonly coinId: string; readonly atMs: number },
): void {
  const { hash, left, fee, coinId, atMs } = event;
  const assetId = event.asset === 'token' ? event.tokenId : coinId;
  if (left > 0n) {
    ledger.post({
      key: `sent:${hash}`,
      atMs,
      kind: 'sent',
      description: 'Sent from the wallet',
      txHash: hash,
      lines: [
        { account: 'equity:sent', assetId, amount: left },
        { account: 'wallet', assetId, amount: amount(-left) as Amount },
      ],
    });
  }
  ledger.networkFee({ txHash: hash, assetId: coinId, amount: fee, atMs });
}
