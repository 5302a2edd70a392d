/** The deposits of this machine as a buyer. */
import type { DepositReturns } from '../../core/payments/index.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type ChannelParts = Pick<ApiParts, 'depositReturns'>;

export function channelRoutes(api: ApiImplementer['channels'], { depositReturns }: ChannelParts) {
  return {
    list: api.list.handler(async () => ({
      channels: await listChannels(depositReturns),
    })),
    refund: api.refund.handler(async ({ input }) => {
      await depositReturns.refund(input.channelId.toLowerCase());
      return {};
    }),
    withdraw: api.withdraw.handler(async ({ input }) => {
      const result = await depositReturns.withdraw(input.channelId.toLowerCase());
      return { state: result.kind, readyAtMs: result.kind === 'returned' ? null : result.readyAtMs };
    }),
  };
}

async function listChannels(returns: DepositReturns) {
  const channels = (await returns.list()).filter(({ left, withdrawal }) => left > 0n || withdrawal !== null);
  return channels
    .toSorted((a, b) => Number(b.left - a.left))
    .map(({ channelId, peer, left, lastUsedMs, withdrawal }) => ({
      channelId,
      peer,
      left: left.toString(),
      lastUsedMs,
      withdrawalReadyAtMs: withdrawal?.readyAtMs ?? null,
    }));
}
