/** Defines what a profile changes: the chain, reachability for peers, and the first settings. All else is the same code. */
import type { Profile } from '../../shared/api/state.ts';
import { AppError } from '../../shared/errors.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../shared/settings.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import { NETWORK_TITLES, NETWORKS, type NetworkName } from './networks.ts';
import { NO_CHAIN } from './no-chain.ts';

export interface ProfileTerms {
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  readonly mdns: boolean;
  /** Finds, and is found by, strangers: no other profile sends anything beyond this machine or its LAN. */
  readonly openMarket: boolean;
  /** False among the machines of one owner: no chain, wallet or balance is needed, and peers without the network's key are left out. */
  readonly isPaid: boolean;
  readonly networkName: string;
  /** Null in practice, where the agent starts its own chain. */
  readonly chain: ChainNetwork | null;
  /** Smallest accepted channel deposit and a buyer's usual one, in base units. */
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
    openMarket: false,
    isPaid: true,
    networkName: 'Practice chain on this computer',
    chain: null,
    depositMin: 1_000n,
    deposit: 100_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    // Practice should show jobs and a payout within minutes; its network fees cost nothing.
    settings: { settleThreshold: '100', networkFeeMax: '100000000000000000' },
  },
  office: {
    listen: ['/ip4/0.0.0.0/tcp/0'],
    mdns: true,
    openMarket: false,
    isPaid: false,
    networkName: 'The owner’s machines',
    chain: NO_CHAIN,
    depositMin: 0n,
    deposit: 0n,
    withdrawDelaySeconds: DAY_SECONDS,
    // Its machines may have no internet, and nothing leaves the LAN unasked.
    settings: { updatesAutomatic: false },
  },
  open: {
    listen: ['/ip4/0.0.0.0/tcp/0'],
    mdns: true,
    openMarket: true,
    isPaid: true,
    networkName: NETWORK_TITLES['base-sepolia'],
    chain: NETWORKS['base-sepolia'],
    depositMin: 10_000n,
    deposit: 1_000_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    settings: {},
  },
};

/** Returns a profile's terms on the network that the owner chose; null is the profile's own. Fails with `bad-request`. */
export function termsOf(profile: Profile, network: NetworkName | null): ProfileTerms {
  const terms = PROFILES[profile];
  if (network === null) return terms;
  if (profile !== 'open') {
    throw new AppError(
      'bad-request',
      `--network requires --profile open. Profile "${profile}" has its own network.`,
    );
  }
  return { ...terms, chain: NETWORKS[network], networkName: NETWORK_TITLES[network] };
}

/** A headless machine has no user at its keyboard, so it always runs unless the owner changes that. A desktop waits. */
export function firstSettings(profile: Profile, host: 'desktop' | 'headless'): Settings {
  return {
    ...DEFAULT_SETTINGS,
    ...PROFILES[profile].settings,
    ...(host === 'headless' && { runWhen: 'always' as const }),
  };
}
