/** The chain over JSON-RPC: reads that are believed by agreement, and sending with ordered nonces. */
import { Interface, type InterfaceAbi, keccak256, toQuantity } from 'ethers';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type {
  Account,
  ChainReader,
  ChainSender,
  ContractCall,
  Hex,
  SendOptions,
  TransactionReceipt,
} from '../../ports/evm.ts';
import { createEndpointPool, type EndpointPool } from './endpoint-pool.ts';
import {
  blockSchema,
  hexSchema,
  logsSchema,
  pendingSchema,
  quantitySchema,
  receiptSchema,
  toReceipt,
} from './rpc-shapes.ts';

const RECEIPT_POLL_MS = 40;
/** Where a block counts only after others, there is time: public nodes are asked less often. */
const CONFIRMATION_POLL_MS = 1_000;
const RECEIPT_TIMEOUT_MS = 60_000;
/** Room above the estimate: another claim may change the state in between. */
const GAS_MARGIN_PERCENT = 125n;
/** Public nodes give the logs of so many blocks at once. */
const LOG_BLOCKS_MAX = 2_000;

/** Multicall3, at the same address on every chain. */
const MULTICALL_ADDRESS = '0xcA11bde05977b3631167028862bE2a173976CA11';
const MULTICALL_ABI = [
  'function tryAggregate(bool requireSuccess, (address target, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])',
];
const aggregateSchema = z.array(z.tuple([z.boolean(), hexSchema]));

/**
 * The network's endpoints as one node. Each endpoint's chain id is checked before its first answer is believed;
 * where the list has more than one, what money depends on is what two of them say alike.
 */
export interface ChainNode extends ChainReader {
  readonly network: ChainNetwork;
  /** One endpoint's answer, unchecked; the next endpoint where one fails. */
  send(method: string, parameters: readonly unknown[]): Promise<unknown>;
  /** What two endpoints say alike, of one block. */
  agreed<T>(
    method: string,
    parametersAt: (block: string) => readonly unknown[],
    schema: z.ZodType<T>,
  ): Promise<T>;
  close(): void;
}

/** Opens no connection by itself; see {@link ChainReader} for the failures. */
export function connectNode(
  network: ChainNetwork,
  options: { readonly requestTimeoutMs?: number } = {},
): ChainNode {
  const pool = createEndpointPool(network, options.requestTimeoutMs);
  const send: ChainNode['send'] = (method, parameters) => pool.ask(method, parameters, z.unknown());
  return {
    network,
    send,
    agreed: pool.agreed,
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
    gasPrice: () => pool.ask('eth_gasPrice', [], quantitySchema),
    async time() {
      const block = await pool.agreed('eth_getBlockByNumber', (tag) => [tag, false], blockSchema);
      return Number(block.timestamp) * 1_000;
    },
  };
}

/** Sends from `account`. Several calls may run at once; each gets its own nonce, in order. */
export function createSender(node: ChainNode, account: Account): ChainSender {
  let nextNonce: number | null = null;
  const inOrder = createInOrder();

  async function send(to: Hex, data: Hex, value: bigint, options: SendOptions): Promise<Hex> {
    const gasLimit = options.gas ?? (await estimate(to, data, value));
    return inOrder(async () => {
      const [nonce, fees] = await Promise.all([currentNonce(), currentFees()]);
      const signed = await account.signTransaction({
        chainId: node.network.chainId,
        nonce,
        to,
        data,
        value,
        gasLimit,
        ...fees,
      });
      const hash = keccak256(signed) as Hex;
      options.beforeBroadcast?.(hash);
      try {
        await node.send('eth_sendRawTransaction', [signed]);
      } catch (error) {
        // Whether the node took it is unknown: ask again before the next one.
        nextNonce = null;
        throw error;
      }
      nextNonce = nonce + 1;
      return hash;
    });
  }

  async function estimate(to: Hex, data: Hex, value: bigint): Promise<bigint> {
    const call = { from: account.address, to, data, value: toQuantity(value) };
    const gas = quantitySchema.parse(await node.send('eth_estimateGas', [call]));
    return (gas * GAS_MARGIN_PERCENT) / 100n;
  }

  async function currentNonce(): Promise<number> {
    nextNonce ??= Number(
      quantitySchema.parse(await node.send('eth_getTransactionCount', [account.address, 'pending'])),
    );
    return nextNonce;
  }

  async function currentFees(): Promise<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }> {
    const [block, tip] = await Promise.all([
      node.send('eth_getBlockByNumber', ['latest', false]),
      node.send('eth_maxPriorityFeePerGas', []),
    ]);
    const baseFee = blockSchema.parse(block).baseFeePerGas ?? 0n;
    const maxPriorityFeePerGas = quantitySchema.parse(tip);
    return { maxFeePerGas: baseFee * 2n + maxPriorityFeePerGas, maxPriorityFeePerGas };
  }

  return {
    readContract: node.readContract,
    readContracts: node.readContracts,
    getCode: node.getCode,
    receipt: node.receipt,
    isPending: node.isPending,
    height: node.height,
    time: node.time,
    blockHash: node.blockHash,
    gasPrice: node.gasPrice,
    logs: node.logs,
    address: account.address,
    writeContract: (call, options = {}) => {
      const data = encode(call) + (options.dataSuffix ?? '0x').slice(2);
      return send(call.address, data as Hex, 0n, options);
    },
    forgetNonce() {
      nextNonce = null;
    },
    sendTransaction: ({ to, data, value }) => send(to, data, value ?? 0n, {}),
    async waitForReceipt(hash, timeoutMs = RECEIPT_TIMEOUT_MS) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const receipt = await node.receipt(hash);
        if (receipt !== null && (await isDeep(node, receipt))) return receipt;
        if (performance.now() > deadline) {
          throw new AppError('chain-unavailable', 'The transaction was sent and is not in a block yet.', {
            details: { hash },
          });
        }
        const pollMs = receipt === null ? RECEIPT_POLL_MS : CONFIRMATION_POLL_MS;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },
  };
}

/** Whether enough blocks lie on it, in the chain as it is now. */
async function isDeep(node: ChainNode, receipt: TransactionReceipt): Promise<boolean> {
  const { confirmations } = node.network;
  return confirmations <= 1 || (await node.height()) - receipt.blockNumber + 1 >= confirmations;
}

async function readContract(pool: EndpointPool, call: ContractCall): Promise<unknown> {
  const data = encode(call);
  return decode(
    call,
    await pool.agreed('eth_call', (block) => [{ to: call.address, data }, block], hexSchema),
  );
}

async function readContracts(
  pool: EndpointPool,
  calls: readonly ContractCall[],
): Promise<readonly unknown[]> {
  const batch = calls.map((call) => ({ target: call.address, callData: encode(call) }));
  const results = aggregateSchema.parse(
    await readContract(pool, {
      address: MULTICALL_ADDRESS,
      abi: MULTICALL_ABI,
      functionName: 'tryAggregate',
      args: [true, batch],
    }),
  );
  return calls.map((call, index) => decode(call, results[index]?.[1] ?? '0x'));
}

function decode(call: ContractCall, answer: string): unknown {
  const result = interfaceOf(call).decodeFunctionResult(call.functionName, answer);
  return result.length === 1 ? result[0] : result;
}

const interfaces = new WeakMap<readonly unknown[], Interface>();

/** Reading a contract's description takes longer than a call, so each is read once. */
function interfaceOf({ abi }: ContractCall): Interface {
  const known = interfaces.get(abi);
  if (known !== undefined) return known;
  const made = new Interface(abi as InterfaceAbi);
  interfaces.set(abi, made);
  return made;
}

function encode(call: ContractCall): string {
  return interfaceOf(call).encodeFunctionData(call.functionName, [...(call.args ?? [])]);
}
