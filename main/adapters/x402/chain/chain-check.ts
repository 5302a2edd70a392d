/** Checks the chain for events on our channels: withdrawals that payers started, and claims and payouts sent by third parties. */
import { amount, ZERO } from '../../../../shared/money.ts';
import { CLAIM_BATCH_MAX } from '../../../ports/claims.ts';
import type { Clock } from '../../../ports/clock.ts';
import { IMMEDIATE } from '../../../ports/store.ts';
import { owes } from '../sold-channels.ts';
import type { ClaimRecords } from './claim-records.ts';
import type { ClaimsParts } from './claims-parts.ts';
import { hasUnacknowledgedClaim } from './outbox.ts';
import type { PayoutTotals } from './payout-totals.ts';
import { pairOf, settlementCall } from './settlement-contract.ts';
import { createTransactionSearch, type FoundClaim } from './transaction-search.ts';

export interface ChainCheck {
  /**
   * Updates the records of these channels, and of all that may still be used or have a balance due. Claims by third
   * parties go into the outbox.
   */
  refresh(channelIds: readonly string[]): Promise<void>;
  /** Puts a payout that a third party sent into the outbox. */
  findPayout(): Promise<void>;
}

interface ChainState {
  readonly channelId: string;
  readonly balance: bigint;
  readonly totalClaimed: bigint;
  readonly withdrawRequestedAt: number;
  readonly refundNonce: number;
}

export function createChainCheck(
  parts: ClaimsParts,
  records: ClaimRecords,
  totals: PayoutTotals,
  clock: Clock,
): ChainCheck {
  const { options, channels, outbox } = parts;
  const { durability = IMMEDIATE } = options;
  const search = createTransactionSearch(parts);

  /** Channels that may still be used or have a balance due; the state of all others can't cost us money. */
  function activeChannels(): readonly string[] {
    const since = clock.now() - options.withdrawDelaySeconds * 1_000;
    return channels
      .all()
      .filter((channel) => channel.lastRequestTimestamp >= since || owes(channel))
      .map((channel) => channel.channelId);
  }

  /** Stores the chain's state; returns a claim that is missing from our records. */
  function store(state: ChainState): FoundClaim | null {
    const { channelId, totalClaimed } = state;
    let found: FoundClaim | null = null;
    channels.change(channelId, (current) => {
      const known = BigInt(current.totalClaimed);
      const charged = BigInt(current.chargedCumulativeAmount);
      const claimedTotal = totalClaimed < charged ? totalClaimed : charged;
      if (claimedTotal > known && !hasUnacknowledgedClaim(outbox, channelId)) {
        found = {
          channelId,
          amount: amount(claimedTotal - known),
          claimedTotal: amount(claimedTotal),
          chainTotal: totalClaimed,
        };
      }
      return {
        ...current,
        balance: state.balance.toString(),
        withdrawRequestedAt: state.withdrawRequestedAt,
        refundNonce: state.refundNonce,
        onchainSyncedAt: clock.now(),
      };
    });
    return found;
  }

  return {
    async refresh(channelIds) {
      const ids = [...new Set([...channelIds, ...activeChannels()].map((id) => id.toLowerCase()))];
      const found: FoundClaim[] = [];
      for (let index = 0; index < ids.length; index += CLAIM_BATCH_MAX) {
        const states = await readStates(parts, ids.slice(index, index + CLAIM_BATCH_MAX));
        // The chain still has it after a crash.
        durability.defer(() => {
          for (const state of states) {
            const claim = store(state);
            if (claim !== null) found.push(claim);
          }
        });
      }
      if (found.length > 0) await search.recordClaims(found);
      // Only after the found claims are in the outbox.
      if (ids.length > 0) await search.markChecked();
    },
    async findPayout() {
      if (totals.unpaid() > ZERO) return search.recordPayout(records.payoutMarks());
      // The contract has nothing for us: everything that was claimed is paid out.
      durability.defer(() => {
        for (const { channelId, after } of records.payoutMarks()) totals.markSettled(channelId, after);
      });
    },
  };
}

async function readStates({ options }: ClaimsParts, ids: readonly string[]): Promise<readonly ChainState[]> {
  const states = await options.sender.readContracts(
    ids.flatMap((id) =>
      ['channels', 'pendingWithdrawals', 'refundNonce'].map((name) => settlementCall(name, [id])),
    ),
  );
  return ids.map((channelId, place) => {
    const [held, pending, refundNonce] = states.slice(place * 3, place * 3 + 3);
    const [balance, totalClaimed] = pairOf(held);
    const [, initiatedAt] = pairOf(pending);
    return {
      channelId,
      balance,
      totalClaimed,
      withdrawRequestedAt: Number(initiatedAt),
      refundNonce: Number(refundNonce),
    };
  });
}
