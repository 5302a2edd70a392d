/** What a profile changes: the chain, who may reach us, and the first settings. Everything else is the same code. */

import type { Profile } from '../../shared/api/state.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../shared/settings.ts';
import type { ChainNetwork } from '../ports/chain.ts';

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

/** Base Sepolia with Circle's test USDC; contract addresses as published by Circle and x402. */
const BASE_SEPOLIA: ChainNetwork = {
  id: 'eip155:84532',
  chainId: 84_532,
  rpcUrl: 'https://sepolia.base.org',
  token: {
    id: 'eip155:84532/0x036cbd53842c5426634e7929541ec2318f3dcf7e',
    symbol: 'USDC',
    decimals: 6,
    // Test money is worth nothing either, and is shown so.
    practice: true,
    address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
    eip712: { name: 'USDC', version: '2' },
  },
  coin: { id: 'eip155:84532/native', symbol: 'ETH', decimals: 18, practice: true },
};

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
    networkName: 'Base Sepolia (test network)',
    chain: BASE_SEPOLIA,
    depositMin: 10_000n,
    deposit: 1_000_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    settings: {},
  },
  open: {
    listen: ['/ip4/0.0.0.0/tcp/0'],
    mdns: true,
    networkName: 'Base Sepolia (test network)',
    chain: BASE_SEPOLIA,
    depositMin: 10_000n,
    deposit: 1_000_000n,
    withdrawDelaySeconds: DAY_SECONDS,
    settings: {},
  },
};

/** An agent without a shell has nobody at its keyboard, so it runs always unless told otherwise. */
export function firstSettings(profile: Profile, host: 'desktop' | 'headless'): Settings {
  return {
    ...DEFAULT_SETTINGS,
    ...(host === 'headless' && { runWhen: 'always' as const }),
    ...PROFILES[profile].settings,
  };
}
