/** Runs the practice network's chain: anvil behind a proxy on loopback, restarted from its saved state when it dies. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { Amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import { fundFromFaucet } from './faucet.ts';
import { callNode } from './node-call.ts';
import { PRACTICE_CHAIN_ID, PRACTICE_CONTRACTS, practiceNetwork } from './practice-network.ts';
import { type AnvilProcess, startAnvil } from './process.ts';
import { createRpcProxy } from './rpc-proxy.ts';
import { type ChainSnapshot, chainSnapshot } from './snapshot.ts';

/** A running practice chain. */
export interface PracticeChain {
  readonly network: ChainNetwork;
  /** Gives the address practice tokens and coin; see {@link fundFromFaucet}. */
  fund(address: string, tokenAmount?: Amount): Promise<void>;
  /** Ends the chain; its state is in the folder already. */
  stop(): Promise<void>;
  /** Resolves when the chain has ended for good: stopped, or crashed too often. */
  readonly ended: Promise<void>;
}

/** Name of the file in the chain's folder with its node's address; exists while the chain runs. */
export const NODE_FILE = 'node-url';

/** Number of restarts in a row, each after a run shorter than {@link STEADY_MS}, after which the chain is given up. */
const RESTARTS_MAX = 5;
const RESTART_MS_MIN = 100;
const STEADY_MS = 10_000;

/** Number of new blocks after which the node is replaced by one without the old ones, which it stores and saves. */
const BLOCKS_MAX = 128;
/** Time for reads that a replaced node still answers. */
const REPLACED_MS = 2_000;

/**
 * Starts (or resumes) the chain with its state in `folder`; without a port, a free one is used. Every acknowledged
 * change is on disk, and a node that dies is restarted behind the same address, so the chain never loses a state
 * that a client has seen. It ends with this process, even if this process is killed.
 * Fails with `port-in-use`, `chain-unavailable` or `unsupported`.
 */
export async function startPracticeChain(options: {
  readonly folder: string;
  readonly port?: number;
  /** Methods that the proxy passes in addition to those that Idlewatt needs; for tests. */
  readonly moreMethods?: readonly string[];
}): Promise<PracticeChain> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const node = createRestartingNode(chainSnapshot(options.folder));
  const { moreMethods = [] } = options;
  const proxy = createRpcProxy({ target: node.rpcUrl, save: node.save, moreMethods });
  const port = await listen(proxy, options.port ?? 0);
  try {
    await node.start();
  } catch (error) {
    proxy.close();
    throw error;
  }
  const network = practiceNetwork(`http://127.0.0.1:${port}`);
  // For commands that inspect a data folder while its agent runs.
  const nodeFile = join(options.folder, NODE_FILE);
  writeFileSync(nodeFile, network.rpcUrl, { mode: 0o600 });
  return {
    network,
    fund: (address, tokenAmount) => fundFromFaucet(network, address, tokenAmount),
    async stop() {
      node.preventRestarts();
      rmSync(nodeFile, { force: true });
      proxy.close();
      proxy.closeAllConnections();
      await node.stop();
    },
    ended: node.ended,
  };
}

/**
 * An anvil that is restarted from the snapshot, with growing delays, whenever it ends, and replaced by a fresh one when
 * it has many blocks.
 */
interface RestartingNode {
  start(): Promise<void>;
  /** Anvil's address; null while it is restarted. */
  readonly rpcUrl: () => string | null;
  readonly save: () => Promise<void>;
  preventRestarts(): void;
  stop(): Promise<void>;
  readonly ended: Promise<void>;
}

function createRestartingNode(snapshot: ChainSnapshot): RestartingNode {
  const gone = Promise.withResolvers<void>();
  let current: { readonly anvil: AnvilProcess; readonly firstBlock: number } | null = null;
  const replaced = new Set<Promise<void>>();
  let stopping = false;
  /** While one node takes over from another, a second start could load a state that is no longer the newest. */
  let isReplacing = false;
  let failures = 0;

  async function start(): Promise<void> {
    const anvil = await startAnvil({ chainId: PRACTICE_CHAIN_ID });
    let started: typeof current;
    try {
      await prepare(anvil.rpcUrl, snapshot);
      started = { anvil, firstBlock: await blockNumber(anvil.rpcUrl) };
    } catch (error) {
      await anvil.stop();
      throw error;
    }
    const before = current;
    current = started;
    if (before !== null) retire(before.anvil);
    const sinceMs = performance.now();
    void anvil.ended.then(() => {
      if (current !== started) return;
      current = null;
      if (performance.now() - sinceMs >= STEADY_MS) failures = 0;
      if (!isReplacing) restart();
    });
    if (stopping) await anvil.stop();
  }

  /** The running node has the same state; if no other one starts, it stays and the next change tries again. */
  async function replace(): Promise<void> {
    isReplacing = true;
    await start().catch(() => undefined);
    isReplacing = false;
    if (current === null) restart();
  }

  function retire(anvil: AnvilProcess): void {
    const stopped = sleep(stopping ? 0 : REPLACED_MS).then(() => anvil.stop());
    replaced.add(stopped);
    void stopped.finally(() => replaced.delete(stopped));
  }

  function restart(): void {
    if (stopping || failures >= RESTARTS_MAX) {
      gone.resolve();
      return;
    }
    const waitMs = RESTART_MS_MIN * 2 ** failures;
    failures += 1;
    setTimeout(() => {
      start().catch(restart);
    }, waitMs);
  }

  return {
    start,
    rpcUrl: () => current?.anvil.rpcUrl ?? null,
    async save() {
      if (current === null) throw new AppError('chain-unavailable', 'The practice chain has ended.');
      const { anvil, firstBlock } = current;
      await snapshot.save(anvil.rpcUrl);
      if (stopping || (await blockNumber(anvil.rpcUrl)) - firstBlock < BLOCKS_MAX) return;
      await snapshot.dropOldBlocks();
      await replace();
    },
    preventRestarts() {
      stopping = true;
    },
    async stop() {
      await Promise.all([current?.anvil.stop(), ...replaced]);
    },
    ended: gone.promise,
  };
}

async function blockNumber(rpcUrl: string): Promise<number> {
  return Number(z.string().parse(await callNode(rpcUrl, 'eth_blockNumber', [])));
}

/** Loads the saved state, installs missing contracts and saves the result. */
async function prepare(rpcUrl: string, snapshot: ChainSnapshot): Promise<void> {
  await snapshot.load(rpcUrl);
  for (const [address, code] of PRACTICE_CONTRACTS) {
    const present = await callNode(rpcUrl, 'eth_getCode', [address, 'latest']);
    if (present !== code) await callNode(rpcUrl, 'anvil_setCode', [address, code]);
  }
  await snapshot.save(rpcUrl);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE' || cause.code === 'EACCES'
          ? new AppError('port-in-use', `Port ${port} is already in use.`, { cause, details: { port } })
          : cause,
      ),
    );
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}
