/** One chain node over JSON-RPC: reads, and sending with ordered nonces. It is asked for its chain id first. */
import {
  FetchRequest,
  Interface,
  type InterfaceAbi,
  JsonRpcProvider,
  keccak256,
  Network,
  toQuantity,
} from 'ethers';
import { z } from 'zod';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
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

const REQUEST_TIMEOUT_MS = 10_000;
const RECEIPT_POLL_MS = 40;
const RECEIPT_TIMEOUT_MS = 60_000;
/** Room above the estimate: another claim may change the state in between. */
const GAS_MARGIN_PERCENT = 125n;

const hexSchema = z.string().regex(/^0x[0-9a-fA-F]*$/);
const quantitySchema = hexSchema.transform((text) => BigInt(text));
const receiptSchema = z.object({
  status: quantitySchema,
  blockNumber: quantitySchema,
  gasUsed: quantitySchema,
  effectiveGasPrice: quantitySchema,
  logs: z.array(z.object({ address: hexSchema, topics: z.array(hexSchema), data: hexSchema })),
});
/** Multicall3, at the same address on every chain. */
const MULTICALL_ADDRESS = '0xcA11bde05977b3631167028862bE2a173976CA11';
const MULTICALL_ABI = [
  'function tryAggregate(bool requireSuccess, (address target, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])',
];
const aggregateSchema = z.array(z.tuple([z.boolean(), hexSchema]));
const pendingSchema = z.object({ blockNumber: z.null() });
const blockSchema = z.object({ baseFeePerGas: quantitySchema.nullish() });

/** JSON-RPC to one node. The node's chain id is checked before the first answer is believed. */
export interface ChainNode extends ChainReader {
  readonly network: ChainNetwork;
  send(method: string, parameters: readonly unknown[]): Promise<unknown>;
  close(): void;
}

/** Opens no connection by itself; each failure to reach the node is `chain-unavailable`. */
export function connectNode(network: ChainNetwork): ChainNode {
  const request = new FetchRequest(network.rpcUrl);
  request.timeout = REQUEST_TIMEOUT_MS;
  const provider = new JsonRpcProvider(request, Network.from(network.chainId), {
    staticNetwork: true,
    batchMaxCount: 1,
    batchStallTime: 0,
    cacheTimeout: -1,
  });
  let checked: Promise<void> | null = null;

  async function raw(method: string, parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await provider.send(method, [...parameters]);
    } catch (error) {
      throw translate(error, network);
    }
  }

  async function checkChain(): Promise<void> {
    const answered = Number(quantitySchema.parse(await raw('eth_chainId', [])));
    if (answered !== network.chainId) {
      throw new AppError('chain-mismatch', `The node serves chain ${answered}, not ${network.chainId}.`, {
        details: { expected: network.chainId, answered },
      });
    }
  }

  async function send(method: string, parameters: readonly unknown[]): Promise<unknown> {
    checked ??= checkChain();
    const current = checked;
    try {
      await current;
    } catch (error) {
      if (checked === current) checked = null;
      throw error;
    }
    try {
      return await raw(method, parameters);
    } catch (error) {
      // After an outage another node may answer at this address.
      if (isAppError(error, 'chain-unavailable')) checked = null;
      throw error;
    }
  }

  return {
    network,
    send,
    close: () => provider.destroy(),
    readContract: (call) => readContract(send, call),
    readContracts: (calls) => readContracts(send, calls),
    async getCode({ address }) {
      const code = hexSchema.parse(await send('eth_getCode', [address, 'latest']));
      return code === '0x' ? undefined : (code as Hex);
    },
    async receipt(hash) {
      const answer = await send('eth_getTransactionReceipt', [hash]);
      return answer === null ? null : toReceipt(hash, answer);
    },
    async isPending(hash) {
      const answer = await send('eth_getTransactionByHash', [hash]);
      return pendingSchema.safeParse(answer).success;
    },
  };
}

/** Sends from `account`. Several calls may run at once; each gets its own nonce, in order. */
export function createSender(node: ChainNode, account: Account): ChainSender {
  let nextNonce: number | null = null;
  let queue: Promise<unknown> = Promise.resolve();

  function inOrder<T>(run: () => Promise<T>): Promise<T> {
    const result = queue.then(run, run);
    queue = result.catch(() => undefined);
    return result;
  }

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
    address: account.address,
    writeContract: (call, options = {}) => {
      const data = encode(call) + (options.dataSuffix ?? '0x').slice(2);
      return send(call.address, data as Hex, 0n, options);
    },
    sendTransaction: ({ to, data, value }) => send(to, data, value ?? 0n, {}),
    async waitForReceipt(hash, timeoutMs = RECEIPT_TIMEOUT_MS) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const receipt = await node.receipt(hash);
        if (receipt !== null) return receipt;
        if (performance.now() > deadline) {
          throw new AppError('chain-unavailable', 'The transaction was sent and is not in a block yet.', {
            details: { hash },
          });
        }
        await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS));
      }
    },
  };
}

async function readContract(send: ChainNode['send'], call: ContractCall): Promise<unknown> {
  const answer = await send('eth_call', [{ to: call.address, data: encode(call) }, 'latest']);
  return decode(call, hexSchema.parse(answer));
}

async function readContracts(
  send: ChainNode['send'],
  calls: readonly ContractCall[],
): Promise<readonly unknown[]> {
  const batch = calls.map((call) => ({ target: call.address, callData: encode(call) }));
  const results = aggregateSchema.parse(
    await readContract(send, {
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

function toReceipt(hash: Hex, answer: unknown): TransactionReceipt {
  const receipt = receiptSchema.parse(answer);
  return {
    hash,
    status: receipt.status === 1n ? 'success' : 'reverted',
    blockNumber: Number(receipt.blockNumber),
    fee: amount(receipt.gasUsed * receipt.effectiveGasPrice),
    gasUsed: receipt.gasUsed,
    logs: receipt.logs as TransactionReceipt['logs'],
  };
}

const rpcErrorSchema = z.object({ error: z.object({ message: z.string() }) });

/** The node's own answers keep their meaning; everything else means that it could not be asked. */
function translate(error: unknown, network: ChainNetwork): Error {
  const answered = rpcErrorSchema.safeParse(error);
  const text = answered.success ? answered.data.error.message : nestedMessage(error);
  if (text === null) {
    return new AppError('chain-unavailable', 'The chain cannot be reached.', {
      cause: error,
      details: { network: network.id },
    });
  }
  if (/insufficient funds/i.test(text)) {
    return new AppError('insufficient-funds', 'There is not enough coin for the network fee.', {
      cause: error,
      details: { network: network.id },
    });
  }
  return new Error(`the chain refused: ${text.slice(0, 300)}`, { cause: error });
}

/** ethers rewrites the node's errors for some methods and keeps the original under `info`. */
function nestedMessage(error: unknown): string | null {
  const nested = z.object({ info: rpcErrorSchema }).safeParse(error);
  if (nested.success) return nested.data.info.error.message;
  const coded = z.object({ code: z.string(), shortMessage: z.string() }).safeParse(error);
  if (coded.success && ['CALL_EXCEPTION', 'INSUFFICIENT_FUNDS', 'NONCE_EXPIRED'].includes(coded.data.code)) {
    return coded.data.code === 'INSUFFICIENT_FUNDS' ? 'insufficient funds' : coded.data.shortMessage;
  }
  return null;
}
