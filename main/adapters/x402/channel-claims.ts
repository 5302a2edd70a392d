/** Claims and payouts through x402's channel manager; see the port for what is promised about crashes. */
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import { type ChannelClaims, CLAIM_BATCH_MAX, type ClaimOutcome } from '../../ports/claims.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Hex } from '../../ports/evm.ts';
import { createChainLook } from './chain-look.ts';
import { owes } from './channel-storage.ts';
import { observeChain } from './operation.ts';
import { type NewOutboxEntry, outcomeOf, recoverOutbox } from './outbox.ts';
import { createPayoutTotals } from './payout-totals.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { withRelays } from './relays.ts';
import { findUndone } from './reorganisations.ts';
import { callOf, pairOf } from './settlement-contract.ts';
import type { Channel, ChannelConfig } from './wire.ts';

/** Gas as measured on our implementation of the contract; the canonical one is close. */
const CLAIM_GAS = 36_000n;
const CLAIM_GAS_PER_CHANNEL = 24_500n;
const PAYOUT_GAS = 46_000n;

/** See {@link ChannelClaims}. */
export function createChannelClaims(provider: ProviderChannels, clock: Clock): ChannelClaims {
  const { options, channels, outbox } = provider;
  const { sender, store, network } = options;
  const totals = createPayoutTotals(store, channels);
  const look = createChainLook(provider, totals, clock);
  const relayed = withRelays(provider.facilitator, {
    network,
    sender,
    channelIdOf: (config) => computeChannelId(config as ChannelConfig, network.id),
    ...(options.relayTimeouts && { timeouts: options.relayTimeouts }),
  });
  const manager = provider.scheme.createChannelManager(
    relayed,
    network.id as `${string}:${string}`,
    network.token.address as Hex,
  );

  /** Sends by the manager, with the hash written down first; what it then says is told by the receipt. */
  async function send(
    call: () => Promise<unknown>,
    entryFor: (hash: string, relayed: boolean) => NewOutboxEntry,
  ): Promise<ClaimOutcome | null> {
    let hash: string | null = null;
    const { receipt, failure } = await observeChain(call, (_, sent, isRelayed) => {
      hash = sent;
      outbox.begin(entryFor(sent, isRelayed));
    });
    if (failure !== null) throw failure;
    const begun = hash === null ? null : outbox.find(hash);
    if (begun === null || receipt === null) return null;
    return ourShare(outcomeOf(begun, receipt));
  }

  /** A payout moves what all machines with this payout address claimed; only ours is booked here. */
  function ourShare(outcome: ClaimOutcome | null): ClaimOutcome | null {
    if (outcome?.type !== 'settled') return outcome;
    const unpaid = totals.unpaid() + look.claimsUntold();
    return { ...outcome, amount: outcome.amount < unpaid ? outcome.amount : amount(unpaid) };
  }

  function markClaimed(outcome: Extract<ClaimOutcome, { type: 'claimed' }>): void {
    for (const { channelId, claimedTotal } of outcome.channels) {
      channels.change(channelId, (current) =>
        BigInt(current.totalClaimed) >= claimedTotal
          ? current
          : { ...current, totalClaimed: claimedTotal.toString() },
      );
    }
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

    async recover() {
      const undone = outbox.booked().length === 0 ? [] : await findUndone(outbox, sender);
      const outcomes = (await recoverOutbox(outbox, sender, network.confirmations)).flatMap(
        (outcome) => ourShare(outcome) ?? [],
      );
      for (const outcome of outcomes) if (outcome.type === 'claimed') markClaimed(outcome);
      return [...undone, ...outcomes];
    },

    async claim(channelIds) {
      if (channelIds.length > CLAIM_BATCH_MAX) throw new Error('too many channels for one claim');
      // What an earlier run, or somebody else, may have claimed without our learning of it.
      await look.refresh(channelIds);
      const wanted = new Set(channelIds.map((id) => id.toLowerCase()));
      let rows: readonly Channel[] = [];
      const select = (all: readonly Channel[]): Channel[] => {
        const chosen = all.filter(
          (channel) =>
            wanted.has(channel.channelId.toLowerCase()) && owes(channel) && !look.isUntold(channel.channelId),
        );
        rows = chosen;
        return chosen;
      };
      try {
        const outcome = await send(
          () => manager.claim({ maxClaimsPerBatch: CLAIM_BATCH_MAX, selectClaimChannels: select as never }),
          (hash, isRelayed) => ({
            type: 'claimed',
            hash,
            channels: rows.map(claimRow),
            relayed: isRelayed,
          }),
        );
        if (outcome?.type === 'claimed') markClaimed(outcome);
        return outcome;
      } catch (error) {
        throw refusedClaim(error, [...wanted]);
      }
    },

    async settle() {
      // One of ours is under way: it pays this out, or is found to have failed.
      if (outbox.entries().some((entry) => entry.type === 'settled')) return null;
      const marks = [...look.marks()];
      const [claimed, settled] = pairOf(
        await sender.readContract(callOf('receivers', [options.payout, network.token.address])),
      );
      if (claimed > settled) {
        return send(
          () => manager.settle(),
          (hash, isRelayed) => ({ type: 'settled', hash, marks, relayed: isRelayed }),
        );
      }
      await look.findPayout();
      const [found] = await recoverOutbox(outbox, sender, network.confirmations);
      return ourShare(found?.type === 'settled' ? found : null);
    },

    acknowledge(outcome) {
      if (outcome.type === 'undone') return takeBack(outcome.tx.hash);
      const entry = outbox.find(outcome.tx.hash);
      if (entry === null) return;
      const value =
        outcome.type === 'settled'
          ? outcome.amount
          : amount(outcome.channels.reduce((sum, channel) => sum + channel.amount, 0n));
      totals.add(outcome.type, value);
      if (entry.type === 'settled') {
        for (const { channelId, after } of entry.marks) totals.markSettled(channelId, after);
      }
      const { blockNumber, fee } = outcome.tx;
      outbox.keepBooked({ entry, amount: value, fee, blockNumber, blockHash: null });
      outbox.remove(entry.hash);
    },

    refresh: () => look.refresh([]),
    unpaid: totals.unpaid,
    isConfirming: () => outbox.entries().length > 0,
    async fee(count) {
      const gas = CLAIM_GAS + CLAIM_GAS_PER_CHANNEL * BigInt(count) + PAYOUT_GAS;
      return amount(gas * (await sender.gasPrice()));
    },
    onFound: provider.onFound,
  };

  /** The books are as before the transaction; what it had claimed is owed again. */
  function takeBack(hash: string): void {
    const booked = outbox.booked().find(({ entry }) => entry.hash === hash);
    if (booked === undefined) return;
    const { entry } = booked;
    totals.add(entry.type, amount(-booked.amount));
    if (entry.type === 'settled') {
      for (const { channelId, before } of entry.marks) totals.markSettled(channelId, before);
    } else {
      for (const { channelId, amount: value, claimedTotal } of entry.channels) {
        const before: Amount = amount(claimedTotal - value);
        channels.change(channelId, (current) =>
          BigInt(current.totalClaimed) > before ? { ...current, totalClaimed: before.toString() } : current,
        );
      }
    }
    outbox.dropBooked(hash);
    sender.forgetNonce();
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
