/** Claims and payouts through x402's channel manager; see the port for what is promised about crashes. */
import settlementArtifact from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, amountSchema } from '../../../shared/money.ts';
import { type ChannelClaims, CLAIM_BATCH_MAX, type ClaimOutcome } from '../../ports/claims.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ContractCall, Hex } from '../../ports/evm.ts';
import { observeChain } from './operation.ts';
import { type OutboxEntry, outcomeOf, recoverOutbox } from './outbox.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { type Channel, SETTLEMENT_ADDRESS } from './wire.ts';

const SETTLED = 'x402-settled';

/** See {@link ChannelClaims}. */
export function createChannelClaims(provider: ProviderChannels, clock: Clock): ChannelClaims {
  const { options, channels, outbox } = provider;
  const { sender, store } = options;
  const manager = provider.scheme.createChannelManager(
    provider.facilitator,
    options.network.id as `${string}:${string}`,
    options.network.token.address as Hex,
  );

  const callOf = (functionName: string, args: readonly unknown[]): ContractCall => ({
    address: SETTLEMENT_ADDRESS,
    abi: settlementArtifact.abi,
    functionName,
    args,
  });

  const settledOf = (channelId: string): Amount =>
    amountSchema.parse(store.get(SETTLED, channelId.toLowerCase()) ?? '0');

  async function refresh(channelIds: readonly string[]): Promise<void> {
    for (let index = 0; index < channelIds.length; index += CLAIM_BATCH_MAX) {
      const batch = channelIds.slice(index, index + CLAIM_BATCH_MAX);
      const states = await sender.readContracts(
        batch.flatMap((id) =>
          ['channels', 'pendingWithdrawals', 'refundNonce'].map((name) => callOf(name, [id])),
        ),
      );
      batch.forEach((id, place) => {
        const [held, pending, refundNonce] = states.slice(place * 3, place * 3 + 3);
        note(id, held, pending, refundNonce);
      });
    }
  }

  function note(channelId: string, held: unknown, pending: unknown, refundNonce: unknown): void {
    const [balance, totalClaimed] = pair(held);
    const [, initiatedAt] = pair(pending);
    channels.change(channelId, (current) => {
      // Never backwards: a node may lag behind a claim that this process has seen mined.
      const known = BigInt(current.totalClaimed);
      return {
        ...current,
        balance: balance.toString(),
        totalClaimed: (totalClaimed > known ? totalClaimed : known).toString(),
        withdrawRequestedAt: Number(initiatedAt),
        refundNonce: Number(refundNonce),
        onchainSyncedAt: clock.now(),
      };
    });
  }

  /** Channels that may still be used or that owe; the others cannot surprise us. */
  function alive(): readonly string[] {
    const since = clock.now() - options.withdrawDelaySeconds * 1_000;
    return channels
      .all()
      .filter(
        (channel) =>
          channel.lastRequestTimestamp >= since ||
          BigInt(channel.chargedCumulativeAmount) > BigInt(channel.totalClaimed),
      )
      .map((channel) => channel.channelId);
  }

  /** Sends by the manager, with the hash written down first; what it then says is told by the receipt. */
  async function send(
    call: () => Promise<unknown>,
    entryFor: (hash: string) => OutboxEntry,
  ): Promise<ClaimOutcome | null> {
    let begun: OutboxEntry | null = null;
    const { receipt, failure } = await observeChain(call, (_, hash) => {
      begun = entryFor(hash);
      outbox.begin(begun);
    });
    if (failure !== null) throw failure;
    if (begun === null || receipt === null) return null;
    return outcomeOf(begun, receipt);
  }

  return {
    accounts: () =>
      channels.all().map((channel) => ({
        channelId: channel.channelId.toLowerCase(),
        payer: channel.channelConfig.payer,
        charged: amount(channel.chargedCumulativeAmount),
        claimed: amount(channel.totalClaimed),
        settled: settledOf(channel.channelId),
        withdrawing: channel.withdrawRequestedAt > 0,
      })),

    async recover() {
      const outcomes = await recoverOutbox(outbox, sender);
      for (const outcome of outcomes) {
        if (outcome.type === 'claimed') markClaimed(outcome);
      }
      return outcomes;
    },

    async claim(channelIds) {
      if (channelIds.length > CLAIM_BATCH_MAX) throw new Error('too many channels for one claim');
      // What an earlier run may have claimed without learning of it.
      await refresh(channelIds);
      const wanted = new Set(channelIds.map((id) => id.toLowerCase()));
      let rows: readonly Channel[] = [];
      const select = (all: readonly Channel[]): Channel[] => {
        const chosen = all.filter(
          (channel) =>
            wanted.has(channel.channelId.toLowerCase()) &&
            BigInt(channel.chargedCumulativeAmount) > BigInt(channel.totalClaimed),
        );
        rows = chosen;
        return chosen;
      };
      try {
        const outcome = await send(
          () => manager.claim({ maxClaimsPerBatch: CLAIM_BATCH_MAX, selectClaimChannels: select as never }),
          (hash) => ({ type: 'claimed', hash, channels: rows.map(claimRow) }),
        );
        if (outcome?.type === 'claimed') markClaimed(outcome);
        return outcome;
      } catch (error) {
        throw refusedClaim(error, [...wanted]);
      }
    },

    async settle() {
      const paid = channels.all().map((channel) => [channel.channelId, channel.totalClaimed] as const);
      const [claimed, settled] = pair(
        await sender.readContract(callOf('receivers', [options.payout, options.network.token.address])),
      );
      const outcome =
        claimed > settled
          ? await send(
              () => manager.settle(),
              (hash) => ({ type: 'settled', hash }),
            )
          : null;
      if (claimed === settled || outcome !== null) {
        for (const [channelId, total] of paid) store.set(SETTLED, channelId.toLowerCase(), total);
      }
      return outcome;
    },

    acknowledge: (outcome) => outbox.remove(outcome.tx.hash),

    refresh: () => refresh(alive()),
  };

  function markClaimed(outcome: Extract<ClaimOutcome, { type: 'claimed' }>): void {
    for (const { channelId, claimedTotal } of outcome.channels) {
      channels.change(channelId, (current) =>
        BigInt(current.totalClaimed) >= claimedTotal
          ? current
          : { ...current, totalClaimed: claimedTotal.toString() },
      );
    }
  }
}

function claimRow(channel: Channel) {
  const claimedTotal = amount(channel.chargedCumulativeAmount);
  return {
    channelId: channel.channelId.toLowerCase(),
    amount: amount(claimedTotal - BigInt(channel.totalClaimed)),
    claimedTotal,
  };
}

function pair(value: unknown): readonly [bigint, bigint] {
  const [first, second] = value as readonly [bigint, bigint];
  return [BigInt(first), BigInt(second)];
}

/** The manager reports by an error whose text begins with what failed. */
function refusedClaim(error: unknown, channelIds: readonly string[]): unknown {
  if (error instanceof Error && /simulation_failed/.test(error.message)) {
    return new AppError('payment-required', 'The chain refuses a voucher.', {
      cause: error,
      details: { channelIds },
    });
  }
  return error;
}
