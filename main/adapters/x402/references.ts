/** References of a provider: the channels on which it was paid, looked up on the chain by whoever considers it. */
import { computeChannelId } from '@x402/evm/batch-settlement/client';
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { ChainReader } from '../../ports/evm.ts';
import {
  type PaidReference,
  REFERENCES_MAX,
  type ReadReferences,
  type ShownReference,
} from '../../ports/references.ts';
import { pairOf, settlementCall } from './chain/settlement-contract.ts';
import type { ProviderChannels } from './selling/provider-channels.ts';
import { type ChannelConfig, type ChannelTerms, channelConfigSchema } from './wire.ts';

const shownSchema = z.array(channelConfigSchema).max(REFERENCES_MAX);

/** Returns the terms of the channels on which most was claimed. */
export function shownReferences({ channels }: Pick<ProviderChannels, 'channels'>): readonly ShownReference[] {
  return channels
    .all()
    .filter(({ totalClaimed }) => BigInt(totalClaimed) > 0n)
    .sort((left, right) => Number(BigInt(right.totalClaimed) - BigInt(left.totalClaimed)))
    .slice(0, REFERENCES_MAX)
    .map(({ channelConfig }) => ({ ...channelConfig }));
}

/** See {@link ReadReferences}: one request to the node at most, for any list. */
export function createReferenceReader(
  reader: Pick<ChainReader, 'readContracts'>,
  network: ChainNetwork,
): ReadReferences {
  return async (payout, shown) => {
    const checked = checkShape(shownSchema, shown);
    if (!checked.success) {
      throw new AppError('bad-request', 'The provider’s references are invalid.');
    }
    const payers = new Map<string, string>();
    for (const terms of checked.data) {
      if (!isPaidTo(terms, payout, network)) continue;
      // In lower case, an address has no checksum that could be wrong.
      const config = lowerCase(terms) as ChannelConfig;
      payers.set(computeChannelId(config, network.id).toLowerCase(), config.payer);
    }
    const ids = [...payers.keys()];
    if (ids.length === 0) return [];
    const states = await reader.readContracts(ids.map((id) => settlementCall('channels', [id])));
    return ids.flatMap((channelId, place): PaidReference[] => {
      const [, claimed] = pairOf(states[place]);
      const payer = payers.get(channelId);
      return payer === undefined || claimed === 0n ? [] : [{ channelId, payer, claimed: amount(claimed) }];
    });
  };
}

function isPaidTo({ receiver, token }: ChannelTerms, payout: string, network: ChainNetwork): boolean {
  const isReceiver = receiver.toLowerCase() === payout.toLowerCase();
  return isReceiver && token.toLowerCase() === network.token.address.toLowerCase();
}

function lowerCase(terms: ChannelTerms): ChannelTerms {
  const entries = Object.entries(terms).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.toLowerCase() : value,
  ]);
  return Object.fromEntries(entries);
}
