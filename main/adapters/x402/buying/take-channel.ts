/** Takes a channel for a request: one whose charge is known, so that each charge is certain to be of one request. */
import type { PaymentRequirements } from '@x402/core/types';
import { AppError } from '../../../../shared/errors.ts';
import type { Amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { PaidProvider } from '../../../ports/payments.ts';
import { askRequirements } from './ask-requirements.ts';
import type { BoughtRegister } from './bought-register.ts';
import type { ChannelFinder } from './channel-finder.ts';
import type { LostCharges } from './lost-charges.ts';
import type { ChannelUse, ProviderChannels } from './provider-channels.ts';
import { pausedError } from './provider-responses.ts';

export interface TakingParts {
  readonly network: ChainNetwork;
  readonly clock: Clock;
  readonly register: Pick<BoughtRegister, 'isDisputed'>;
  readonly channelOf: ChannelFinder;
  readonly channelsOf: (peer: string) => ProviderChannels;
  readonly lost: Pick<LostCharges, 'ask'>;
}

export interface TakenChannel extends Pick<ChannelUse, 'slot' | 'channel'> {
  readonly requirement: PaymentRequirements;
}

/** Channels with a request in progress that one request passes over, and the time after which one is asked again. */
const BUSY_MAX = 16;
const BUSY_WAIT_MS = 500;

/**
 * Takes a free channel; the caller releases it. Gives up those of an earlier run whose charge was rejected, and passes over
 * those whose last request the provider still works on. Fails with `peer-unreachable`, `paused` or `busy`.
 */
export async function takeChannel(
  parts: TakingParts,
  provider: PaidProvider,
  ceiling: Amount,
): Promise<TakenChannel> {
  const { pool } = parts.channelsOf(provider.peer);
  for (let busy = 0; busy < BUSY_MAX; ) {
    const slot = await pool.take(ceiling);
    try {
      const { state, ...taken } = await examine(parts, provider, { slot, ceiling });
      if (state === 'usable') return taken;
      if (state === 'disputed') {
        pool.giveUp(slot);
        continue;
      }
    } catch (error) {
      pool.release(slot);
      throw error;
    }
    busy += 1;
    slot.notBeforeMs = parts.clock.monotonic() + BUSY_WAIT_MS;
    pool.release(slot);
  }
  throw new AppError('busy', 'The provider still works on requests whose connection was lost.', {
    details: { peer: provider.peer },
  });
}

/** Asks for the channel's charge if it is unknown. What a provider can't prove stays unknown, and hinders nothing. */
async function examine(
  { network, register, channelOf, channelsOf, lost }: TakingParts,
  provider: PaidProvider,
  { slot, ceiling }: Pick<ChannelUse, 'slot'> & { readonly ceiling: Amount },
): Promise<TakenChannel & { readonly state: 'usable' | 'disputed' | 'busy' }> {
  const channels = channelsOf(provider.peer);
  channels.requirements ??= await askRequirements(provider, network);
  if (!isPaidTo(channels.requirements, provider))
    channels.requirements = await askRequirements(provider, network);
  if (!isPaidTo(channels.requirements, provider)) throw otherPayout(provider);
  const requirement = { ...channels.requirements, amount: ceiling.toString() };
  const channel = channelOf(provider.peer, slot.index, requirement);
  const taken = { slot, requirement, channel };
  if (register.isDisputed(channel.id)) return { ...taken, state: 'disputed' };
  const answer = await lost.ask({ provider, channels, slot, channel });
  if (answer.kind === 'away') {
    throw new AppError('peer-unreachable', 'The provider didn’t return what it has charged so far.', {
      details: { peer: provider.peer },
    });
  }
  // It would refuse the request, too.
  if (answer.kind === 'paused') throw pausedError(provider.peer, answer.code);
  return { ...taken, state: answer.kind === 'busy' ? 'busy' : 'usable' };
}

/** True if the provider demands payment to the address of its offer. The known requirements may be older than that. */
function isPaidTo({ payTo }: PaymentRequirements, provider: PaidProvider): boolean {
  return provider.payTo === undefined || payTo.toLowerCase() === provider.payTo.toLowerCase();
}

function otherPayout({ peer }: PaidProvider): AppError {
  const message = 'The provider demands payment to another address than its offer names.';
  return new AppError('payment-required', message, { details: { peer, reason: 'other-payout' } });
}
