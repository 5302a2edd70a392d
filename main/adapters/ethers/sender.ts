/** Sends transactions from one account, with nonces assigned in order. */
import { keccak256, toQuantity } from 'ethers';
import { AppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { Amount } from '../../../shared/money.ts';
import {
  type Account,
  type ChainSender,
  GAS_MARGIN_PERCENT,
  type Hex,
  type SendOptions,
  type UnsignedTransaction,
} from '../../ports/evm.ts';
import { encodeCall } from './contract-calls.ts';
import { isInPool } from './endpoint.ts';
import {
  bytesOf,
  currentFees,
  dataFeeOf,
  type FeeTerms,
  feeTooHigh,
  priceWithin,
  replacementPrice,
} from './fees.ts';
import { type ChainNode, hasConfirmations } from './node.ts';
import { quantitySchema } from './rpc-shapes.ts';

const RECEIPT_POLL_MS = 40;
/** Slower poll while a mined transaction waits for confirmations, to spare public nodes. */
const CONFIRMATION_POLL_MS = 1_000;
const RECEIPT_TIMEOUT_MS = 60_000;

interface OutgoingCall {
  readonly to: Hex;
  readonly data: Hex;
  readonly value: bigint;
}

export interface SenderOptions {
  /** Most that one transaction may cost, in base units of the coin; never more than the network's own limit. */
  readonly feeMax?: () => Amount;
}

/** Several calls may run concurrently; each gets its own nonce, in order. */
export function createSender(node: ChainNode, account: Account, options: SenderOptions = {}): ChainSender {
  const nonces = createNonces(node, account.address);

  async function termsOf({ data, gasLimit }: { data: Hex; gasLimit: bigint }): Promise<FeeTerms> {
    const own = options.feeMax?.() ?? node.network.feeMax;
    const feeMax = own < node.network.feeMax ? own : node.network.feeMax;
    return { gasLimit, dataFee: await dataFeeOf(node, bytesOf(data)), feeMax };
  }

  async function broadcast(transaction: UnsignedTransaction, { beforeBroadcast }: SendOptions): Promise<Hex> {
    const signed = await account.signTransaction(transaction);
    const hash = keccak256(signed) as Hex;
    beforeBroadcast?.(hash, transaction);
    try {
      await node.send('eth_sendRawTransaction', [signed]);
    } catch (error) {
      // The node has it: a query before this one reached it, or another node passed it on.
      if (!isInPool(error)) throw error;
    }
    return hash;
  }

  async function send(call: OutgoingCall, options: SendOptions): Promise<Hex> {
    const gasLimit = options.gas ?? (await estimate(node, account.address, call));
    const terms = await termsOf({ data: call.data, gasLimit });
    return nonces.inOrder(async () => {
      const [nonce, fees] = await Promise.all([nonces.next(), currentFees(node)]);
      const price = priceWithin(fees, terms);
      if (price === null) throw feeTooHigh(node.network, fees, terms);
      const transaction = { chainId: node.network.chainId, nonce, ...call, gasLimit, ...price };
      try {
        const hash = await broadcast(transaction, options);
        nonces.used(nonce);
        return hash;
      } catch (error) {
        // It is unknown whether the node accepted it: query the nonce again before the next one.
        nonces.forget();
        throw error;
      }
    });
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
    dataFee: node.dataFee,
    logs: node.logs,
    address: account.address,
    writeContract: (call, options = {}) => {
      const data = encodeCall(call) + (options.dataSuffix ?? '0x').slice(2);
      return send({ to: call.address, data: data as Hex, value: 0n }, options);
    },
    forgetNonce: nonces.forget,
    sendTransaction: ({ to, data, value }, options = {}) => send({ to, data, value: value ?? 0n }, options),
    async replace(previous, options = {}) {
      const [fees, terms] = await Promise.all([currentFees(node), termsOf(previous)]);
      const price = replacementPrice(previous, fees, terms);
      return price === null ? null : broadcast({ ...previous, ...price }, options);
    },
    async waitForReceipt(hash, timeoutMs = RECEIPT_TIMEOUT_MS) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const receipt = await node.receipt(hash);
        if (receipt !== null && (await hasConfirmations(node, receipt.blockNumber))) return receipt;
        if (performance.now() > deadline) {
          throw new AppError('chain-unavailable', 'The transaction was sent but isn’t confirmed yet.', {
            details: { hash },
          });
        }
        const pollMs = receipt === null ? RECEIPT_POLL_MS : CONFIRMATION_POLL_MS;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },
  };
}

async function estimate(node: ChainNode, from: Hex, { to, data, value }: OutgoingCall): Promise<bigint> {
  const call = { from, to, data, value: toQuantity(value) };
  const gas = await node.ask('eth_estimateGas', [call], quantitySchema);
  return (gas * GAS_MARGIN_PERCENT) / 100n;
}

/** The account's next nonce, and the queue in which transactions take theirs. */
interface Nonces {
  /** Runs one step after the other; a failed step doesn't stop the next one. */
  inOrder<T>(run: () => Promise<T>): Promise<T>;
  /** Queried from the node unless the last transaction's nonce is known. */
  next(): Promise<number>;
  used(nonce: number): void;
  forget(): void;
}

function createNonces(node: ChainNode, address: Hex): Nonces {
  let known: number | null = null;
  return {
    inOrder: createInOrder(),
    async next() {
      known ??= Number(await node.ask('eth_getTransactionCount', [address, 'pending'], quantitySchema));
      return known;
    },
    used(nonce) {
      known = nonce + 1;
    },
    forget() {
      known = null;
    },
  };
}
