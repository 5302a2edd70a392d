/** Payment client of the gateway. Opens and tops up channels per provider and signs one voucher per request. */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { PaidProvider, PaymentClient, PaymentLease } from '../../../ports/payments.ts';
import { pairOf, settlementCall } from '../chain/settlement-contract.ts';
import { coveredOnly, createBoughtChannels } from './bought-channels.ts';
import { createBoughtRegister } from './bought-register.ts';
import { createChannelFinder } from './channel-finder.ts';
import { createChannelReturns } from './channel-returns.ts';
import { fundChannel } from './funding.ts';
import { startLease } from './lease.ts';
import { createLostCharges } from './lost-charges.ts';
import type { PayerOptions } from './payer-options.ts';
import { createChannelsByPeer } from './provider-channels.ts';
import { takeChannel } from './take-channel.ts';

/** See {@link PaymentClient}. A warm channel costs no extra round trip: requirements are stored, and we set the price. */
export function createPayer(options: PayerOptions): PaymentClient {
  const { clock, limits } = options;
  const storage = createBoughtChannels(options.store);
  const register = createBoughtRegister(options.store);
  const channelOf = createChannelFinder({ ...options, storage: coveredOnly(storage, register) });
  const channelsOf = createChannelsByPeer((peer) => limits.channelsMax(peer) ?? options.channelsMax, clock);
  const lost = createLostCharges({ ...options, storage, register, channelOf, channelsOf });
  const parts = { ...options, storage, register, channelOf, channelsOf, lost };

  async function lease(provider: PaidProvider, path: string, ceiling: Amount): Promise<PaymentLease> {
    const channels = channelsOf(provider.peer);
    const { slot, requirement, channel } = await takeChannel(parts, provider, ceiling);
    try {
      const use = { provider, channels, slot, channel };
      await fundChannel(parts, use, ceiling);
      return await startLease(parts, use, { requirement, path, ceiling });
    } catch (error) {
      channels.pool.release(slot);
      throw error;
    }
  }

  /**
   * A provider may claim what was rejected, or what never reached us: the chain has the last word, and the ledger must
   * not lack it. While a request uses the channel, the claim may be of that request, which records it when its bill is
   * checked; a later call finds what it rejects.
   */
  async function noteClaimed(channelId: string, claimed: bigint): Promise<void> {
    const entry = register.all().find((each) => each.channelId === channelId);
    const pool = entry === undefined ? null : channelsOf(entry.peer).pool;
    const slot = entry === undefined ? null : (pool?.takeNumber(entry.index) ?? null);
    if (pool !== null && slot === null) return;
    try {
      const known = await storage.get(channelId);
      if (claimed <= BigInt(known?.chargedCumulativeAmount ?? '0')) return;
      if (!register.isCovered(channelId, claimed)) return;
      await storage.set(channelId, { ...known, chargedCumulativeAmount: claimed.toString() });
      if (slot !== null) Object.assign(slot, { spendable: null, uncertain: true });
      lost.claimed({ id: channelId, peer: entry?.peer ?? '' }, amount(claimed), entry?.isDisputed === true);
    } finally {
      if (slot !== null) pool?.release(slot);
    }
  }

  async function deposits(): Promise<readonly { channelId: string; total: Amount }[]> {
    const channelIds = storage.all().map((channel) => channel.channelId);
    if (channelIds.length === 0) return [];
    const held = await options.chain.readContracts(channelIds.map((id) => settlementCall('channels', [id])));
    const states = channelIds.map((channelId, index) => ({ channelId, state: pairOf(held[index]) }));
    for (const { channelId, state } of states) await noteClaimed(channelId, state[1]);
    return states.map(({ channelId, state }) => ({ channelId, total: amount(state[0]) }));
  }

  return {
    lease,
    returns: createChannelReturns({ ...options, storage, register, channelOf, channelsOf }),
    charges: () => storage.all().map(({ channelId, charged }) => ({ channelId, total: amount(charged) })),
    deposits,
    unresolved: lost.unresolved,
    isChargeUnknown: lost.isUnknown,
    synchronise: lost.synchronise,
    idle: lost.idle,
  };
}
