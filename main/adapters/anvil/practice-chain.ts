/** The practice network's chain: anvil with our contracts at x402's addresses and money that is worth nothing. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import settlement from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import collector from '../../../contracts/artifacts/Erc3009DepositCollector.json' with { type: 'json' };
import multicall from '../../../contracts/artifacts/Multicall3.json' with { type: 'json' };
import permit2 from '../../../contracts/artifacts/Permit2.json' with { type: 'json' };
import permit2Collector from '../../../contracts/artifacts/Permit2DepositCollector.json' with {
  type: 'json',
};
import token from '../../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import { AppError } from '../../../shared/errors.ts';
import type { Amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { callNode, fundFromFaucet } from './faucet.ts';
import { type AnvilProcess, startAnvil } from './process.ts';
import { createDoor } from './rpc-proxy.ts';
import { chainSnapshot } from './snapshot.ts';

/** Addresses that x402's libraries expect, on every chain. */
const SETTLEMENT_ADDRESS = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
const COLLECTOR_ADDRESS = '0x4020806089470a89826cB9fB1f4059150b550004';
const PERMIT2_COLLECTOR_ADDRESS = '0x4020425FAf3B746C082C2f942b4E5159887B0005';
const PERMIT2_ADDRESS = '0x000000000022D473030F116dDEE9F6B43aC78BA3';
const MULTICALL_ADDRESS = '0xcA11bde05977b3631167028862bE2a173976CA11';
/** Ours alone. */
const TOKEN_ADDRESS = '0x1D1e0A7700000000000000000000000000000001';

const CHAIN_ID = 31_337;

const CODE: readonly (readonly [string, string])[] = [
  [SETTLEMENT_ADDRESS, settlement.deployedBytecode],
  [COLLECTOR_ADDRESS, collector.deployedBytecode],
  [PERMIT2_COLLECTOR_ADDRESS, permit2Collector.deployedBytecode],
  [PERMIT2_ADDRESS, permit2.deployedBytecode],
  [MULTICALL_ADDRESS, multicall.deployedBytecode],
  [TOKEN_ADDRESS, token.deployedBytecode],
];

/** A running practice chain. */
export interface PracticeChain {
  readonly network: ChainNetwork;
  /** Gives the address practice token and coin; see {@link fundFromFaucet}. */
  fund(address: string, tokenAmount?: Amount): Promise<void>;
  /** Ends the chain; its state is in the folder already. */
  stop(): Promise<void>;
  /** Resolves when the chain is gone for good: stopped, or ended too often by itself. */
  readonly ended: Promise<void>;
}

/** The practice chain's description for a node at `rpcUrl`; every practice chain has the same contracts. */
export function practiceNetwork(rpcUrl: string): ChainNetwork {
  const id = `eip155:${CHAIN_ID}`;
  return {
    id,
    chainId: CHAIN_ID,
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
  };
}

/** In the chain's folder while it runs: the address of its node. */
export const NODE_FILE = 'node-url';

/** Ended by itself this often in a row, each time before it stood for a while: it is given up. */
const RESTARTS_MAX = 5;
const RESTART_MS_MIN = 100;
const STEADY_MS = 10_000;

/**
 * Starts (or resumes) the chain whose state lies in `folder`; without a port a free one is taken. What it
 * answered as done is on disk, and a node that dies is started again behind the same address: the chain
 * forgets nothing that anybody was told. It ends with this process, even when this process is killed.
 * Fails with `port-in-use`, `chain-unavailable` or `unsupported`.
 */
export async function startPracticeChain(options: {
  readonly folder: string;
  readonly port?: number;
}): Promise<PracticeChain> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const snapshot = chainSnapshot(options.folder);
  const gone = Promise.withResolvers<void>();
  let anvil: AnvilProcess | null = null;
  let stopping = false;
  let failures = 0;

  async function startNode(): Promise<void> {
    const started = await startAnvil({ chainId: CHAIN_ID, port: 0 });
    try {
      await snapshot.load(started.rpcUrl);
      for (const [address, code] of CODE) {
        const present = await callNode(started.rpcUrl, 'eth_getCode', [address, 'latest']);
        if (present !== code) await callNode(started.rpcUrl, 'anvil_setCode', [address, code]);
      }
      await snapshot.save(started.rpcUrl);
    } catch (error) {
      await started.stop();
      throw error;
    }
    anvil = started;
    const sinceMs = performance.now();
    void started.ended.then(() => {
      anvil = null;
      if (performance.now() - sinceMs >= STEADY_MS) failures = 0;
      startAgain();
    });
    if (stopping) await started.stop();
  }

  function startAgain(): void {
    if (stopping || failures >= RESTARTS_MAX) {
      gone.resolve();
      return;
    }
    const waitMs = RESTART_MS_MIN * 2 ** failures;
    failures += 1;
    setTimeout(() => {
      startNode().catch(startAgain);
    }, waitMs);
  }

  const door = createDoor({
    target: () => anvil?.rpcUrl ?? null,
    async keep() {
      if (anvil === null) throw new AppError('chain-unavailable', 'The practice chain ended.');
      await snapshot.save(anvil.rpcUrl);
    },
  });
  const port = await listen(door, options.port ?? 0);
  try {
    await startNode();
  } catch (error) {
    door.close();
    throw error;
  }
  const network = practiceNetwork(`http://127.0.0.1:${port}`);
  // For commands that look at a home while its agent runs.
  const nodeFile = join(options.folder, NODE_FILE);
  writeFileSync(nodeFile, network.rpcUrl, { mode: 0o600 });
  return {
    network,
    fund: (address, tokenAmount) => fundFromFaucet(network, address, tokenAmount),
    async stop() {
      stopping = true;
      rmSync(nodeFile, { force: true });
      door.close();
      door.closeAllConnections();
      await anvil?.stop();
    },
    ended: gone.promise,
  };
}

function listen(door: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    door.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE' || cause.code === 'EACCES'
          ? new AppError('port-in-use', `Port ${port} is taken.`, { cause, details: { port } })
          : cause,
      ),
    );
    door.listen({ host: '127.0.0.1', port, exclusive: true }, () =>
      resolve((door.address() as AddressInfo).port),
    );
  });
}
