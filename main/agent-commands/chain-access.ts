/** Gives commands access to the chains that a ledger names: through public nodes, or the practice chain's state. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NODE_FILE, practiceNetwork, startPracticeChain } from '../adapters/anvil/index.ts';
import { connectNode, createContractSignatures } from '../adapters/ethers/index.ts';
import { createChainEvidence } from '../adapters/x402/index.ts';
import { atEndpoints, NETWORKS } from '../agent/networks.ts';
import type { HomePaths } from '../core/home/index.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import { systemClock } from '../ports/clock.ts';
import type { ChainEvidence } from '../ports/evidence.ts';
import type { VerifyByContract } from '../ports/evm.ts';

export const PRACTICE_ID = practiceNetwork('').id;

export interface ChainAccess {
  /** Null if the chain can't be queried. */
  evidence(networkId: string): Promise<ChainEvidence | null>;
  /** Asks contract wallets about their signatures; null if the chain can't be queried. */
  contractSignatures(networkId: string): Promise<VerifyByContract | null>;
  close(): Promise<void>;
}

/** Returns every network that Idlewatt supports, reachable or not. */
export function knownNetworks(): readonly ChainNetwork[] {
  return [practiceNetwork(''), ...Object.values(NETWORKS)];
}

/** Opens the chains of a data folder, which is only read. `rpc` replaces the endpoints of its network. */
export function openChains(paths: HomePaths, rpc: string | null): ChainAccess {
  const closers: (() => void | Promise<void>)[] = [];

  async function find(networkId: string): Promise<ChainNetwork | null> {
    if (networkId === PRACTICE_ID) return rpc === null ? practiceChain() : practiceNetwork(rpc);
    const network = Object.values(NETWORKS).find(({ id }) => id === networkId);
    if (network === undefined) return null;
    return rpc === null ? network : atEndpoints(network, rpc);
  }

  async function practiceChain(): Promise<ChainNetwork | null> {
    // The practice requester's data folder is inside its provider's and has no chain of its own.
    for (const folder of [paths.chain, join(dirname(paths.root), 'chain')]) {
      const running = runningNode(folder);
      if (running !== null && (await responds(running))) return practiceNetwork(running);
      if (
        !existsSync(join(folder, 'practice-chain.gz')) &&
        !existsSync(join(folder, 'practice-chain.json'))
      ) {
        continue;
      }
      // A copy, because a running node may write.
      const copy = mkdtempSync(join(tmpdir(), 'idlewatt-chain-'));
      cpSync(folder, copy, { recursive: true });
      const chain = await startPracticeChain({ folder: copy });
      closers.push(async () => {
        await chain.stop();
        rmSync(copy, { recursive: true, force: true });
      });
      return chain.network;
    }
    return null;
  }

  function connect(network: ChainNetwork) {
    const node = connectNode(network);
    closers.push(() => node.close());
    return node;
  }

  return {
    async evidence(networkId) {
      const network = await find(networkId);
      return network === null ? null : createChainEvidence(connect(network), network);
    },
    async contractSignatures(networkId) {
      const network = await find(networkId);
      return network === null ? null : createContractSignatures(connect(network), systemClock);
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

function runningNode(folder: string): string | null {
  const file = join(folder, NODE_FILE);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

/** Returns whether a node responds: the file with its URL may be left over from a killed run. */
async function responds(url: string): Promise<boolean> {
  const node = connectNode(practiceNetwork(url), { requestTimeoutMs: 2_000 });
  try {
    await node.time();
    return true;
  } catch {
    return false;
  } finally {
    node.close();
  }
}
