/** The practice network's chain: anvil with our contracts at x402's addresses and money that is worth nothing. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import settlement from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import collector from '../../../contracts/artifacts/Erc3009DepositCollector.json' with { type: 'json' };
import multicall from '../../../contracts/artifacts/Multicall3.json' with { type: 'json' };
import token from '../../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import type { Amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { callNode, fundFromFaucet } from './faucet.ts';
import { startAnvil } from './process.ts';

/** Addresses that x402's libraries expect, on every chain. */
const SETTLEMENT_ADDRESS = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
const COLLECTOR_ADDRESS = '0x4020806089470a89826cB9fB1f4059150b550004';
const MULTICALL_ADDRESS = '0xcA11bde05977b3631167028862bE2a173976CA11';
/** Ours alone. */
const TOKEN_ADDRESS = '0x1D1e0A7700000000000000000000000000000001';

const CHAIN_ID = 31_337;

const CODE: readonly (readonly [string, string])[] = [
  [SETTLEMENT_ADDRESS, settlement.deployedBytecode],
  [COLLECTOR_ADDRESS, collector.deployedBytecode],
  [MULTICALL_ADDRESS, multicall.deployedBytecode],
  [TOKEN_ADDRESS, token.deployedBytecode],
];

/** A running practice chain. */
export interface PracticeChain {
  readonly network: ChainNetwork;
  /** Gives the address practice token and coin; see {@link fundFromFaucet}. */
  fund(address: string, tokenAmount?: Amount): Promise<void>;
  /** Writes the chain's state into the folder and ends it. */
  stop(): Promise<void>;
  /** Resolves when the chain's process ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/** The practice chain's description for a node at `rpcUrl`; every practice chain has the same contracts. */
export function practiceNetwork(rpcUrl: string): ChainNetwork {
  const id = `eip155:${CHAIN_ID}`;
  return {
    id,
    chainId: CHAIN_ID,
    rpcUrl,
    token: {
      id: `${id}/${TOKEN_ADDRESS.toLowerCase()}`,
      symbol: 'USDC',
      decimals: 6,
      practice: true,
      address: TOKEN_ADDRESS,
      eip712: { name: 'Practice USDC', version: '2' },
    },
    coin: { id: `${id}/native`, symbol: 'ETH', decimals: 18, practice: true },
  };
}

/**
 * Starts (or resumes) the chain whose state lies in `folder`; without a port a free one is taken.
 * It ends with this process, even when this process is killed. Fails with `port-in-use`,
 * `chain-unavailable` or `unsupported`.
 */
export async function startPracticeChain(options: {
  readonly folder: string;
  readonly port?: number;
}): Promise<PracticeChain> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const anvil = await startAnvil({
    stateFile: join(options.folder, 'practice-chain.json'),
    chainId: CHAIN_ID,
    port: options.port ?? 0,
  });
  try {
    for (const [address, code] of CODE) {
      const present = await callNode(anvil.rpcUrl, 'eth_getCode', [address, 'latest']);
      if (present !== code) await callNode(anvil.rpcUrl, 'anvil_setCode', [address, code]);
    }
  } catch (error) {
    await anvil.stop();
    throw error;
  }
  const network = practiceNetwork(anvil.rpcUrl);
  return {
    network,
    fund: (address, tokenAmount) => fundFromFaucet(network, address, tokenAmount),
    stop: () => anvil.stop(),
    ended: anvil.ended,
  };
}
