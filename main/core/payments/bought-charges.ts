/** Records in the ledger what providers charged on channels that this machine pays from. */
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import type { Ledger } from '../ledger/index.ts';

export interface BoughtCharges {
  /**
   * Records up to `total`, everything a channel was ever charged: a lost response was charged too. Returns what the
   * ledger lacked.
   */
  record(channelId: string, total: Amount): Amount;
}

export function createBoughtCharges(parts: {
  readonly ledger: Pick<Ledger, 'bookedOnChannel' | 'recoverCharges'>;
  readonly assetId: string;
  /** Called after the ledger may have changed. */
  readonly changed: () => void;
}): BoughtCharges {
  const { ledger, assetId, changed } = parts;
  return {
    record(channelId, total) {
      // A provider that lost a charge reports a lower total; what is recorded stays recorded.
      const booked = ledger.bookedOnChannel('bought', channelId);
      if (total < booked) return ZERO;
      ledger.recoverCharges({ side: 'bought', channelId, assetId, total });
      changed();
      return amount(total - booked);
    },
  };
}
