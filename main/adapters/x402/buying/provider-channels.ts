/** The channels with each provider, and one channel's use by one request. */
import type { PaymentRequirements } from '@x402/core/types';
import type { Clock } from '../../../ports/clock.ts';
import type { PaidProvider } from '../../../ports/payments.ts';
import type { BoughtChannel } from './channel-finder.ts';
import { type ChannelPool, createChannelPool, type Slot } from './channel-pool.ts';

/** The channels with one provider, and its requirements once they are known. */
export interface ProviderChannels {
  readonly pool: ChannelPool;
  requirements: PaymentRequirements | null;
}

/** One channel while one request has it. */
export interface ChannelUse {
  readonly provider: PaidProvider;
  readonly channels: ProviderChannels;
  readonly slot: Slot;
  readonly channel: BoughtChannel;
}

/** Returns a lookup of the channels by peer; each is created at the first lookup and kept. */
export function createChannelsByPeer(
  channelsMax: (peer: string) => number,
  clock: Clock,
): (peer: string) => ProviderChannels {
  const byPeer = new Map<string, ProviderChannels>();
  const later = (delayMs: number, run: () => void): void => void clock.after(delayMs, run);
  return (peer) => {
    const known = byPeer.get(peer);
    if (known !== undefined) return known;
    const channels: ProviderChannels = {
      pool: createChannelPool(
        () => channelsMax(peer),
        () => clock.monotonic(),
        later,
      ),
      requirements: null,
    };
    byPeer.set(peer, channels);
    return channels;
  };
}
