/** Checks the addresses of peers and nodes on the command line before anything is opened. */
import { AppError } from '../../shared/errors.ts';
import { namedAddress, plainAddress } from '../adapters/libp2p/index.ts';
import type { AgentConfig } from './config.ts';

/** Fails with `bad-request`. `openMarket`: strangers may be found and find this machine. */
export function checkPeerAddresses(config: AgentConfig, openMarket: boolean): void {
  const { bootstrap = [], announce = [], listen = [], facilitators = [], profile, rpcUrl } = config;
  if (profile === 'office' && (rpcUrl !== null || facilitators.length > 0)) {
    throw new AppError(
      'bad-request',
      '--rpc and --facilitator require --profile open or practice. Profile "office" uses no chain.',
    );
  }
  for (const address of bootstrap) namedAddress(address);
  for (const address of [...announce, ...listen]) plainAddress(address);
  if (openMarket) return;
  if (bootstrap.length + announce.length > 0) {
    throw new AppError(
      'bad-request',
      `--bootstrap and --announce require --profile open. Profile "${profile}" has a network of its own.`,
    );
  }
  if (config.publicDht) {
    throw new AppError(
      'bad-request',
      `--public-dht requires --profile open. Profile "${profile}" has a network of its own.`,
    );
  }
  if (listen.length > 0 && profile === 'practice') {
    throw new AppError(
      'bad-request',
      '--listen requires --profile office or open: practice stays on this machine.',
    );
  }
}
