/** What a profile changes: the chain, who may reach us, and the first settings. Everything else is the same code. */

import type { Profile } from '../../shared/api/state.ts';
import { AppError } from '../../shared/errors.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../shared/settings.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import { NETWORK_TITLES, NETWORKS, type NetworkName } from './networks.ts';

export interface ProfileTerms {
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  readonly mdns: boolean;
  readonly networkName: string;
  /** Null in practice, where the chain is started by the agent itself. */
  readonly chain: ChainNetwork | null;
  /** Smallest deposit into a channel, and what a buyer puts in at once, in base units. */
  readonly depositMin: bigint;
  readonly deposit: bigint;
  readonly withdrawDelaySeconds: number;
  readonly settings: Partial<Settings>;
}

const DAY_SECONDS = 86_400;

export const PROFILES: Readonly<Record<Profile, ProfileTerms>> = {
  practice: {
    listen: ['/ip4/127.0.0.1/tcp/0'],
    mdns: false,
    networkName: 'Practice chain on this computer',
    chain: null,
    depositMin: 1_000n,
    deposit: 100_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    // To see jobs and a payout within minutes is the point of practice; gas costs nothing there.
    settings: { settleThreshold: '100', runWhen: 'always' },
  },
  office: {
    listen: ['/ip4/0.0.0.0/tcp/0'],
    mdns: true,
    networkName: NETWORK_TITLES['base-sepolia'],
    chain: NETWORKS['base-sepolia'],
    depositMin: 10_000n,
    deposit: 1_000_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    settings: {},
  },
  open: {
    listen: ['/ip4/0.0.0.0/tcp/0'],
    mdns: true,
    networkName: NETWORK_TITLES['base-sepolia'],
    chain: NETWORKS['base-sepolia'],
    depositMin: 10_000n,
    deposit: 1_000_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    settings: {},
  },
};

/** A profile's terms, on the network that the owner chose; `null` is the profile's own. */
export function termsOf(profile: Profile, network: NetworkName | null): ProfileTerms {
  const terms = PROFILES[profile];
  if (network === null) return terms;
  if (profile !== 'open') {
    throw new AppError(
      'bad-request',
      `The profile ${profile} has its own network: --network goes with open.`,
    );
  }
  return { ...terms, chain: NETWORKS[network], networkName: NETWORK_TITLES[network] };
}

/** An agent without a shell has nobody at its keyboard, so it runs always unless told otherwise. */
export function firstSettings(profile: Profile, host: 'desktop' | 'headless'): Settings {
  return {
    ...DEFAULT_SETTINGS,
    ...(host === 'headless' && { runWhen: 'always' as const }),
    ...PROFILES[profile].settings,
  };
}
