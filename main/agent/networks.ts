/** The chains that money may move on, by CAIP-2 id, with the public nodes and facilitators that serve them. */
import { AppError } from '../../shared/errors.ts';
import type { ChainNetwork } from '../ports/chain.ts';

/** Contract addresses as published by Circle; the settlement contract is x402's, the same on both chains. */
const BASE_SEPOLIA: ChainNetwork = {
  id: 'eip155:84532',
  chainId: 84_532,
  rpcUrl: 'https://sepolia.base.org',
  fallbackRpcUrls: ['https://base-sepolia-rpc.publicnode.com', 'https://base-sepolia.drpc.org'],
  confirmations: 3,
  facilitators: ['https://x402.org/facilitator'],
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

const BASE: ChainNetwork = {
  id: 'eip155:8453',
  chainId: 8_453,
  rpcUrl: 'https://mainnet.base.org',
  fallbackRpcUrls: ['https://base-rpc.publicnode.com', 'https://base.drpc.org'],
  // A block every two seconds: twenty seconds until money counts.
  confirmations: 10,
  // Public ones ask for an account; whoever has one names it with --facilitator.
  facilitators: [],
  token: {
    id: 'eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913',
    symbol: 'USDC',
    decimals: 6,
    practice: false,
    address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
    eip712: { name: 'USD Coin', version: '2' },
  },
  coin: { id: 'eip155:8453/native', symbol: 'ETH', decimals: 18, practice: false },
};

export const NETWORKS = { 'base-sepolia': BASE_SEPOLIA, base: BASE } as const;
export type NetworkName = keyof typeof NETWORKS;

/** Sentences on pages name a network so. */
export const NETWORK_TITLES: Readonly<Record<NetworkName, string>> = {
  'base-sepolia': 'Base Sepolia (test network)',
  base: 'Base',
};

/** A network by its name or its CAIP-2 id. Fails with `bad-request`. */
export function networkName(text: string): NetworkName {
  const names = Object.keys(NETWORKS) as NetworkName[];
  const found = names.find((name) => name === text || NETWORKS[name].id === text);
  if (found === undefined) {
    const known = names.map((name) => `${name} (${NETWORKS[name].id})`).join(', ');
    throw new AppError('bad-request', `There is no network "${text}". Known are: ${known}.`);
  }
  return found;
}

/**
 * The network at other endpoints: `rpcUrls` is a comma-separated list of which at least two have to agree when
 * there are more than one. Fails with `bad-request`.
 */
export function atEndpoints(network: ChainNetwork, rpcUrls: string): ChainNetwork {
  const [rpcUrl, ...fallbackRpcUrls] = rpcUrls.split(',').map((url) => url.trim());
  for (const url of [rpcUrl, ...fallbackRpcUrls]) {
    if (url === undefined || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new AppError('bad-request', '--rpc is one or more addresses of nodes, with commas between.');
    }
  }
  return { ...network, rpcUrl: rpcUrl ?? network.rpcUrl, fallbackRpcUrls };
}
