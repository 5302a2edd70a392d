/** Lists the chains that money may move on, by CAIP-2 ID, with their public nodes and facilitators. */
import { AppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import type { ChainNetwork } from '../ports/chain.ts';

/** One hundredth of a coin: thousands of times the usual cost of a claim on a rollup. */
const ROLLUP_FEE_MAX = amount(10n ** 16n);
/** About the price of the real coin, so that a test network shows what the real one would do. */
const TEST_COIN_MICRO_USD = 3_000_000_000;

/** Token addresses as published by Circle; the settlement contract is x402's, the same on both chains. */
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
    // Test money is worthless too, and is shown as practice money.
    practice: true,
    address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
    eip712: { name: 'USDC', version: '2' },
  },
  coin: { id: 'eip155:84532/native', symbol: 'ETH', decimals: 18, practice: true },
  feeMax: ROLLUP_FEE_MAX,
  coinPriceMicroUsd: TEST_COIN_MICRO_USD,
};

const BASE: ChainNetwork = {
  id: 'eip155:8453',
  chainId: 8_453,
  rpcUrl: 'https://mainnet.base.org',
  fallbackRpcUrls: ['https://base-rpc.publicnode.com', 'https://base.drpc.org'],
  // One block every 2 s, so a transaction counts after 20 s.
  confirmations: 10,
  // Public ones require an account; an owner with an account names it with --facilitator.
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
  feeMax: ROLLUP_FEE_MAX,
  coinPriceMicroUsd: null,
};

export const NETWORKS = { 'base-sepolia': BASE_SEPOLIA, base: BASE } as const;
export type NetworkName = keyof typeof NETWORKS;

/** Names of the networks on pages. */
export const NETWORK_TITLES: Readonly<Record<NetworkName, string>> = {
  'base-sepolia': 'Base Sepolia (test network)',
  base: 'Base',
};

/** Finds a network by its name or CAIP-2 ID. Fails with `bad-request`. */
export function networkName(text: string): NetworkName {
  const names = Object.keys(NETWORKS) as NetworkName[];
  const found = names.find((name) => name === text || NETWORKS[name].id === text);
  if (found === undefined) {
    const known = names.map((name) => `${name} (${NETWORKS[name].id})`).join(' or ');
    throw new AppError('bad-request', `Invalid --network "${text}". Use ${known}.`);
  }
  return found;
}

/**
 * Replaces a network's nodes. `rpcUrls` is a comma-separated list; with more than one node at least two have to
 * agree. Fails with `bad-request`.
 */
export function atEndpoints(network: ChainNetwork, rpcUrls: string): ChainNetwork {
  const [rpcUrl, ...fallbackRpcUrls] = rpcUrls.split(',').map((url) => url.trim());
  for (const url of [rpcUrl, ...fallbackRpcUrls]) {
    if (url === undefined || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new AppError(
        'bad-request',
        'Invalid --rpc. Use one or more http or https URLs of nodes, separated by commas.',
      );
    }
  }
  return { ...network, rpcUrl: rpcUrl ?? network.rpcUrl, fallbackRpcUrls };
}
