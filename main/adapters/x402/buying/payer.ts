/** Payment client of the gateway. Opens and tops up channels per provider and signs one voucher per request. */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { PaidProvider, PaymentClient, PaymentLease } from '../../../ports/payments.ts';
import { pairOf, settlementCall } from '../chain/settlement-contract.ts';
import { askRequirements } from './ask-requirements.ts';
import { createBoughtChannels } from './bought-channels.ts';
import { createBoughtRegister } from './bought-register.ts';
import { createChannelFinder } from './channel-finder.ts';
import { createChannelReturns } from './channel-returns.ts';
import { fundChannel } from './funding.ts';
import { startLease } from './lease.ts';
import { createLostCharges } from './lost-charges.ts';
import type { PayerOptions } from './payer-options.ts';
import { createChannelsByPeer } from './provider-channels.ts';

/** See {@link PaymentClient}. A warm channel costs no extra round trip: requirements are stored, and we set the price. */
export function createPayer(options: PayerOptions): PaymentClient {
  const { network, clock, limits } = options;
  const storage = createBoughtChannels(options.store);
  const register = createBoughtRegister(options.store);
  const channelOf = createChannelFinder({ ...options, storage });
  const channelsOf = createChannelsByPeer((peer) => limits.channelsMax(peer) ?? options.channelsMax, clock);
  const lost = createLostCharges({ ...options, storage, register, channelOf, channelsOf });
  const parts = { ...options, storage, register, lost };

  async function lease(provider: PaidProvider, path: string, ceiling: Amount): Promise<PaymentLease> {
    const channels = channelsOf(provider.peer);
    const slot = await channels.pool.take(ceiling);
    try {
      channels.requirements ??= await askRequirements(provider, network);
      const requirement = { ...channels.requirements, amount: ceiling.toString() };
      const channel = channelOf(provider.peer, slot.index, requirement);
      const use = { provider, channels, slot, channel };
      await fundChannel(parts, use, ceiling);
      return await startLease(parts, use, { requirement, path, ceiling });
    } catch (error) {
      channels.pool.release(slot);
      throw error;
    }
  }

  async function deposits(): Promise<readonly { channelId: string; total: Amount }[]> {
    const channelIds = storage.all().map((channel) => channel.channelId);
    if (channelIds.length === 0) return [];
    const held = await options.chain.readContracts(channelIds.map((id) => settlementCall('channels', [id])));
    return channelIds.map((channelId, index) => {
      const [balance] = pairOf(held[index]);
      return { channelId, total: amount(balance) };
    });
  }

  return {
    lease,
    returns: createChannelReturns({ ...options, storage, register, channelOf, channelsOf }),
    charges: () => storage.all().map(({ channelId, charged }) => ({ channelId, total: amount(charged) })),
    deposits,
    unresolved: lost.unresolved,
    synchronise: lost.synchronise,
    idle: lost.idle,
  };
}
