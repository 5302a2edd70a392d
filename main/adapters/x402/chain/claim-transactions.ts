/** Sends claims and payouts through x402's channel manager. Each hash is in the outbox before its transaction leaves. */
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { AppError } from '../../../../shared/errors.ts';
import { amount } from '../../../../shared/money.ts';
import { CLAIM_BATCH_MAX, type ClaimOutcome } from '../../../ports/claims.ts';
import type { Hex } from '../../../ports/evm.ts';
import { owes } from '../sold-channels.ts';
import type { Channel, ChannelConfig } from '../wire.ts';
import type { ClaimsParts } from './claims-parts.ts';
import { observeChain } from './operation.ts';
import {
  type ClaimedChannel,
  hasUnacknowledgedClaim,
  type NewOutboxEntry,
  outcomeOf,
  type PayoutMark,
} from './outbox.ts';
import { withRelays } from './relays.ts';

/** Both return null when nothing was sent, or when the transaction was reverted. */
export interface ClaimTransactions {
  /** Claims the channels with these IDs (lower case) that have a balance due and no unacknowledged claim. */
  claim(channelIds: ReadonlySet<string>): Promise<ClaimOutcome | null>;
  settle(marks: readonly PayoutMark[]): Promise<ClaimOutcome | null>;
}

export function createClaimTransactions(parts: ClaimsParts): ClaimTransactions {
  const { options, outbox } = parts;
  const { network, sender } = options;
  const relayed = withRelays(parts.facilitator, {
    network,
    sender,
    channelIdOf: (config) => computeChannelId(config as ChannelConfig, network.id),
    ...(options.relayTimeouts && { timeouts: options.relayTimeouts }),
  });
  const manager = parts.scheme.createChannelManager(
    relayed,
    network.id as `${string}:${string}`,
    network.token.address as Hex,
  );

  /** Records the hash before the transaction leaves; the outcome comes from the receipt, not from the manager. */
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
    return outcomeOf(begun, receipt);
  }

  return {
    async claim(channelIds) {
      let chosen: readonly Channel[] = [];
      const select = (all: readonly Channel[]): readonly Channel[] => {
        chosen = all.filter(
          (channel) =>
            channelIds.has(channel.channelId.toLowerCase()) &&
            owes(channel) &&
            !hasUnacknowledgedClaim(outbox, channel.channelId),
        );
        return chosen;
      };
      try {
        return await send(
          () => manager.claim({ maxClaimsPerBatch: CLAIM_BATCH_MAX, selectClaimChannels: select as never }),
          (hash, isRelayed) => ({
            type: 'claimed',
            hash,
            channels: chosen.map(toClaimedChannel),
            relayed: isRelayed,
          }),
        );
      } catch (error) {
        throw translateRefusal(error, [...channelIds]);
      }
    },
    settle: (marks) =>
      send(
        () => manager.settle(),
        (hash, isRelayed) => ({ type: 'settled', hash, marks: [...marks], relayed: isRelayed }),
      ),
  };
}

function toClaimedChannel(channel: Channel): ClaimedChannel {
  const claimedTotal = amount(channel.chargedCumulativeAmount);
  return {
    channelId: channel.channelId.toLowerCase(),
    amount: amount(claimedTotal - BigInt(channel.totalClaimed)),
    claimedTotal,
  };
}

/** The manager reports a rejected voucher as an error whose text names the failed step. */
function translateRefusal(error: unknown, channelIds: readonly string[]): unknown {
  if (error instanceof Error && /simulation_failed/.test(error.message)) {
    return new AppError('payment-required', 'The chain rejected a voucher. Nothing was claimed.', {
      cause: error,
      details: { channelIds },
    });
  }
  return error;
}
