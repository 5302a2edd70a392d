/** `channels list` and `channels refund`: show deposits with providers, and take them back. */
import { parseArgs } from 'node:util';
import type { BoughtChannel } from '../../shared/api/channels.ts';
import { AppError } from '../../shared/errors.ts';
import { type Asset, formatUnits } from '../../shared/money.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';
import { type AgentApi, readState, withRunningAgent } from './running-agent.ts';

export const list: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { channels } = await api.channels.list({});
    if (values.json) console.log(JSON.stringify(channels));
    else if (channels.length === 0) console.log('No deposits to take back.');
    else {
      const { money } = await readState(api);
      for (const channel of channels) console.log(channelLine(channel, money.asset));
    }
    return 0;
  });
};

export const refund: CommandRun = async (argv) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { home: { type: 'string' }, 'on-chain': { type: 'boolean', default: false } },
  });
  const [which] = positionals;
  if (which === undefined || positionals.length !== 1) {
    throw new AppError('bad-request', 'This command takes a channel that `channels list` shows, or `all`.');
  }
  return withRunningAgent(existingHome(values.home).root, async (api) => {
    const { channels } = await api.channels.list({});
    const chosen = channels.filter(({ channelId }) => which === 'all' || channelId === which.toLowerCase());
    if (chosen.length === 0 && which !== 'all') {
      throw new AppError(
        'not-found',
        'Channel not found, or nothing is left in it. `channels list` shows the others.',
      );
    }
    if (chosen.length === 0) console.log('No deposits to take back.');
    let failures = 0;
    for (const channel of chosen) {
      const line = await takeBack(api, channel, values['on-chain']).catch((error: unknown) => {
        failures += 1;
        return error instanceof Error ? error.message : String(error);
      });
      console.log(`${channel.channelId}  ${line}`);
    }
    return failures === 0 ? 0 : 1;
  });
};

/** Returns what happened, for people. A withdrawal that was started can only be finished on the chain. */
async function takeBack(
  api: AgentApi,
  { channelId, withdrawalReadyAtMs }: BoughtChannel,
  isOnChain: boolean,
): Promise<string> {
  if (!isOnChain && withdrawalReadyAtMs === null) {
    await api.channels.refund({ channelId });
    return 'refunded';
  }
  const { state, readyAtMs } = await api.channels.withdraw({ channelId });
  if (state === 'returned' || readyAtMs === null) return 'withdrawn';
  const when = new Date(readyAtMs).toISOString();
  return `withdrawal started; Idlewatt finishes it after ${when}, while it runs`;
}

/** One line of `channels list`. */
export function channelLine(channel: BoughtChannel, asset: Pick<Asset, 'symbol' | 'decimals'>): string {
  const { channelId, peer, left, withdrawalReadyAtMs } = channel;
  const sum = `${formatUnits(BigInt(left), asset.decimals)} ${asset.symbol}`;
  const state =
    withdrawalReadyAtMs === null ? '' : `  withdrawal ready ${new Date(withdrawalReadyAtMs).toISOString()}`;
  return `${channelId}  ${sum}  ${peer}${state}`;
}
