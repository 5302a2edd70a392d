/** The chain over JSON-RPC, through all endpoints of the network. */
import { toQuantity } from 'ethers';
import { z } from 'zod';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { ChainReader, Hex } from '../../ports/evm.ts';
import { readContract, readContracts } from './contract-calls.ts';
import { createEndpointPool } from './endpoint-pool.ts';
import { currentGasPrice, dataFeeOf } from './fees.ts';
import { blockSchema, hexSchema, logsSchema, pendingSchema, receiptSchema, toReceipt } from './rpc-shapes.ts';

/** Maximum number of blocks per query of events at public nodes. */
const LOG_BLOCKS_MAX = 2_000;

/**
 * The network's endpoints as one node. Each endpoint's chain ID is checked before its first answer is used; if the
 * network has several endpoints, two of them must agree on every answer that money depends on.
 */
export interface ChainNode extends ChainReader {
  readonly network: ChainNetwork;
  /** One endpoint's answer, unchecked; the next endpoint's if one fails. */
  send(method: string, parameters: readonly unknown[]): Promise<unknown>;
  /** The same, validated: an endpoint whose answer has another form counts as one that fails. */
  ask<T>(method: string, parameters: readonly unknown[], schema: z.ZodType<T>): Promise<T>;
  /** The answer on which two endpoints agree, from one block. */
  agreed<T>(
    method: string,
    parametersAt: (block: string) => readonly unknown[],
    schema: z.ZodType<T>,
  ): Promise<T>;
  /** The answers of two endpoints (one if there is a single one), which may differ. */
  reports<T>(method: string, parameters: readonly unknown[], schema: z.ZodType<T>): Promise<readonly T[]>;
  close(): void;
}

/** Opens no connection before the first query; see {@link ChainReader} for the failures. */
export function connectNode(
  network: ChainNetwork,
  options: { readonly requestTimeoutMs?: number } = {},
): ChainNode {
  const pool = createEndpointPool(network, options.requestTimeoutMs);
  const node: ChainNode = {
    network,
    send: (method, parameters) => pool.ask(method, parameters, z.unknown()),
    ask: pool.ask,
    agreed: pool.agreed,
    reports: pool.reports,
    height: pool.height,
    close: pool.close,
    readContract: (call) => readContract(pool, call),
    readContracts: (calls) => readContracts(pool, calls),
    async getCode({ address }) {
      const code = await pool.agreed('eth_getCode', (block) => [address, block], hexSchema);
      return code === '0x' ? undefined : (code as Hex);
    },
    async receipt(hash) {
      const receipt = await pool.agreed('eth_getTransactionReceipt', () => [hash], receiptSchema);
      return receipt === null ? null : toReceipt(hash, receipt);
    },
    async isPending(hash) {
      return (await pool.ask('eth_getTransactionByHash', [hash], pendingSchema)) === 'pending';
    },
    async logs({ address, topics, fromBlock }) {
      const last = await pool.height();
      const found = [];
      for (let first = fromBlock; first <= last; first += LOG_BLOCKS_MAX) {
        const range = {
          address,
          topics,
          fromBlock: toQuantity(first),
          toBlock: toQuantity(Math.min(last, first + LOG_BLOCKS_MAX - 1)),
        };
        found.push(...(await pool.agreed('eth_getLogs', () => [range], logsSchema)));
      }
      return found.map((log) => ({
        hash: log.transactionHash as Hex,
        blockNumber: Number(log.blockNumber),
        topics: log.topics as readonly Hex[],
        data: log.data as Hex,
      }));
    },
    async blockHash(number) {
      const tag = toQuantity(number);
      const block = await pool.agreed('eth_getBlockByNumber', () => [tag, false], blockSchema.nullable());
      return block === null ? null : (block.hash as Hex);
    },
    gasPrice: () => currentGasPrice(node),
    dataFee: (bytes) => dataFeeOf(node, bytes),
    async time() {
      const block = await pool.agreed('eth_getBlockByNumber', (tag) => [tag, false], blockSchema);
      return Number(block.timestamp) * 1_000;
    },
  };
  return node;
}

/** True when the block has the network's confirmations, in the chain as it is now. */
export async function hasConfirmations(node: ChainNode, blockNumber: number): Promise<boolean> {
  const { confirmations } = node.network;
  return confirmations <= 1 || (await node.height()) - blockNumber + 1 >= confirmations;
}
