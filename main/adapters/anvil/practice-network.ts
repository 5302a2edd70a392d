/** The practice network: a local test network with worthless tokens and our contracts at x402's addresses. */
import settlement from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import collector from '../../../contracts/artifacts/Erc3009DepositCollector.json' with { type: 'json' };
import multicall from '../../../contracts/artifacts/Multicall3.json' with { type: 'json' };
import permit2 from '../../../contracts/artifacts/Permit2.json' with { type: 'json' };
import permit2Collector from '../../../contracts/artifacts/Permit2DepositCollector.json' with {
  type: 'json',
};
import token from '../../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import uptoProxy from '../../../contracts/artifacts/UptoPermit2Proxy.json' with { type: 'json' };
import { amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import {
  ERC3009_COLLECTOR_ADDRESS,
  MULTICALL_ADDRESS,
  PERMIT2_ADDRESS,
  PERMIT2_COLLECTOR_ADDRESS,
  SETTLEMENT_ADDRESS,
  UPTO_PROXY_ADDRESS,
} from '../../ports/contracts.ts';

/** Exists on practice chains only. */
const TOKEN_ADDRESS = '0x1D1e0A7700000000000000000000000000000001';

/** A tenth of a coin; the faucet gives ten. */
const FEE_MAX = amount(10n ** 17n);
/** A tenth of a cent: a claim costs less than one base unit of the token, so practice shows a payout within minutes. */
const COIN_MICRO_USD = 1_000;

export const PRACTICE_CHAIN_ID = 31_337;

/** Address and code of each contract of a practice chain. */
export const PRACTICE_CONTRACTS: readonly (readonly [string, string])[] = [
  [SETTLEMENT_ADDRESS, settlement.deployedBytecode],
  [ERC3009_COLLECTOR_ADDRESS, collector.deployedBytecode],
  [PERMIT2_COLLECTOR_ADDRESS, permit2Collector.deployedBytecode],
  [PERMIT2_ADDRESS, permit2.deployedBytecode],
  [UPTO_PROXY_ADDRESS, uptoProxy.deployedBytecode],
  [MULTICALL_ADDRESS, multicall.deployedBytecode],
  [TOKEN_ADDRESS, token.deployedBytecode],
];

/** The practice network with its node at `rpcUrl`; every practice chain has the same contracts. */
export function practiceNetwork(rpcUrl: string): ChainNetwork {
  const id = `eip155:${PRACTICE_CHAIN_ID}`;
  return {
    id,
    chainId: PRACTICE_CHAIN_ID,
    rpcUrl,
    fallbackRpcUrls: [],
    confirmations: 1,
    facilitators: [],
    token: {
      id: `${id}/${TOKEN_ADDRESS.toLowerCase()}`,
      symbol: 'USDC',
      decimals: 6,
      practice: true,
      address: TOKEN_ADDRESS,
      eip712: { name: 'Practice USDC', version: '2' },
    },
    coin: { id: `${id}/native`, symbol: 'ETH', decimals: 18, practice: true },
    feeMax: FEE_MAX,
    coinPriceMicroUsd: COIN_MICRO_USD,
  };
}
