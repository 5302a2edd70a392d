/** Applies claims and payouts to the channels' records and totals, and reverses them when the chain drops the transaction. */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { ChannelAccount, ClaimOutcome } from '../../../ports/claims.ts';
import { IMMEDIATE } from '../../../ports/store.ts';
import type { ClaimsParts } from './claims-parts.ts';
import { type PayoutMark, unacknowledgedClaims } from './outbox.ts';
import type { PayoutTotals } from './payout-totals.ts';

export interface ClaimRecords {
  accounts(): readonly ChannelAccount[];
  /** Each channel's total that is paid out now, and its total once everything claimed is paid out. */
  payoutMarks(): readonly PayoutMark[];
  /**
   * Limits a payout to this machine's share: a payout transaction moves the claims of all machines with this
   * payout address. Other outcomes are returned unchanged.
   */
  ownShare(outcome: ClaimOutcome | null): ClaimOutcome | null;
  markClaimed(outcome: ClaimOutcome): void;
  acknowledge(outcome: ClaimOutcome): void;
}

export function createClaimRecords(parts: ClaimsParts, totals: PayoutTotals): ClaimRecords {
  const { channels, outbox } = parts;
  const { durability = IMMEDIATE } = parts.options;

  function acknowledgeMined(outcome: Exclude<ClaimOutcome, { type: 'undone' }>): void {
    const entry = outbox.find(outcome.tx.hash);
    if (entry === null) return;
    const value = outcome.type === 'settled' ? outcome.amount : sumOf(outcome.channels);
    totals.add(outcome.type, value);
    if (entry.type === 'settled') {
      for (const { channelId, after } of entry.marks) totals.markSettled(channelId, after);
    }
    const { blockNumber, fee } = outcome.tx;
    outbox.keepRecorded({ entry, amount: value, fee, blockNumber, blockHash: null });
    outbox.remove(entry.hash);
  }

  /** Restores the records from before the transaction; the amounts that it had claimed are due again. */
  function acknowledgeUndone(hash: string): void {
    const recorded = outbox.recorded().find(({ entry }) => entry.hash === hash);
    if (recorded === undefined) return;
    const { entry } = recorded;
    totals.add(entry.type, amount(-recorded.amount));
    if (entry.type === 'settled') {
      for (const { channelId, before } of entry.marks) totals.markSettled(channelId, before);
    } else {
      for (const { channelId, amount: value, claimedTotal } of entry.channels) {
        const before = amount(claimedTotal - value);
        channels.change(channelId, (current) =>
          BigInt(current.totalClaimed) > before ? { ...current, totalClaimed: before.toString() } : current,
        );
      }
    }
    outbox.dropRecorded(hash);
    parts.options.sender.forgetNonce();
  }

  return {
    accounts: () =>
      channels.all().map((channel) => ({
        channelId: channel.channelId.toLowerCase(),
        payer: channel.channelConfig.payer,
        charged: amount(channel.chargedCumulativeAmount),
        claimed: amount(channel.totalClaimed),
        settled: totals.settledOf(channel.channelId),
        withdrawing: channel.withdrawRequestedAt > 0,
        owedSinceMs: channels.owedSinceMs(channel),
      })),
    payoutMarks: () =>
      channels.all().map((channel) => ({
        channelId: channel.channelId.toLowerCase(),
        before: totals.settledOf(channel.channelId),
        after: amount(channel.totalClaimed),
      })),
    ownShare(outcome) {
      if (outcome?.type !== 'settled') return outcome;
      const unpaid = totals.unpaid() + sumOf(unacknowledgedClaims(outbox));
      return { ...outcome, amount: outcome.amount < unpaid ? outcome.amount : amount(unpaid) };
    },
    markClaimed(outcome) {
      if (outcome.type !== 'claimed') return;
      // After a crash, the outbox has the outcome again.
      durability.defer(() => {
        for (const { channelId, claimedTotal } of outcome.channels) {
          channels.change(channelId, (current) =>
            BigInt(current.totalClaimed) >= claimedTotal
              ? current
              : { ...current, totalClaimed: claimedTotal.toString() },
          );
        }
      });
    },
    acknowledge(outcome) {
      // All or nothing: what is in the outbox after a crash is acknowledged again, as a whole.
      durability.defer(() => {
        if (outcome.type === 'undone') acknowledgeUndone(outcome.tx.hash);
        else acknowledgeMined(outcome);
      });
    },
  };
}

function sumOf(rows: readonly { readonly amount: Amount }[]): Amount {
  return amount(rows.reduce((sum, row) => sum + row.amount, 0n));
}
