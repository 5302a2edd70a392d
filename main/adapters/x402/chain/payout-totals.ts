/**
 * Totals of this machine's claims and payouts, from acknowledged outcomes only: the contract's totals may include
 * other machines with the same payout address.
 */
import { z } from 'zod';
import { type Amount, amount, amountSchema } from '../../../../shared/money.ts';
import type { RecordStore } from '../../../ports/store.ts';
import type { SoldChannels } from '../sold-channels.ts';

const COLLECTION = 'x402-payout';
const KEY = 'totals';
const SETTLED = 'x402-settled';

const totalsSchema = z.object({ claimed: amountSchema, settled: amountSchema });

export interface PayoutTotals {
  /** Acknowledged as claimed and not acknowledged as paid out. */
  unpaid(): Amount;
  /** Adds to one total; a negative value reverses an earlier one. */
  add(kind: 'claimed' | 'settled', value: Amount): void;
  /** The part of one channel's claims that was paid out. */
  settledOf(channelId: string): Amount;
  markSettled(channelId: string, total: Amount): void;
}

export function createPayoutTotals(store: RecordStore, channels: SoldChannels): PayoutTotals {
  const settledOf = (channelId: string): Amount =>
    amountSchema.parse(store.get(SETTLED, channelId.toLowerCase()) ?? '0');

  function read(text: string | null): { claimed: bigint; settled: bigint } {
    if (text !== null) return totalsSchema.parse(JSON.parse(text));
    // Data folders from versions that did not store these totals.
    const all = channels.all();
    return {
      claimed: all.reduce((sum, channel) => sum + BigInt(channel.totalClaimed), 0n),
      settled: all.reduce((sum, channel) => sum + settledOf(channel.channelId), 0n),
    };
  }
  const write = ({ claimed, settled }: { claimed: bigint; settled: bigint }): string =>
    JSON.stringify({ claimed: claimed.toString(), settled: settled.toString() });
  if (store.get(COLLECTION, KEY) === null) store.set(COLLECTION, KEY, write(read(null)));

  return {
    unpaid() {
      const { claimed, settled } = read(store.get(COLLECTION, KEY));
      return amount(claimed > settled ? claimed - settled : 0n);
    },
    add(kind, value) {
      store.update(COLLECTION, KEY, (text) => {
        const totals = read(text);
        return write({ ...totals, [kind]: totals[kind] + value });
      });
    },
    settledOf,
    markSettled(channelId, total) {
      if (settledOf(channelId) !== total) store.set(SETTLED, channelId.toLowerCase(), total.toString());
    },
  };
}
