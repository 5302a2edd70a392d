/**
 * What happens on the chain while one of x402's calls runs. The libraries answer with strings; this keeps the
 * real failure and the receipt, and lets the caller write a hash down before the transaction leaves.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { x402Facilitator } from '@x402/core/facilitator';
import type { FacilitatorClient } from '@x402/core/server';
import type { FacilitatorEvmSigner } from '@x402/evm';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/facilitator';
import { type AppError, isAppError } from '../../../shared/errors.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { ChainSender, Hex, TransactionReceipt } from '../../ports/evm.ts';

interface Operation {
  readonly beforeBroadcast: (functionName: string, hash: Hex, relayed: boolean) => void;
  failure: AppError | null;
  receipt: TransactionReceipt | null;
}

const operations = new AsyncLocalStorage<Operation>();

/** The result of a call into the libraries, with what the chain did meanwhile. */
export interface OperationResult<T> {
  readonly result: T;
  /** The chain could not be asked, or the fee could not be paid; whatever the result says. */
  readonly failure: AppError | null;
  /** Of the last transaction that was mined within. */
  readonly receipt: TransactionReceipt | null;
}

/** Runs `call`; transactions sent within are announced to `beforeBroadcast` with their function's name. */
export async function observeChain<T>(
  call: () => Promise<T>,
  beforeBroadcast: Operation['beforeBroadcast'] = () => undefined,
): Promise<OperationResult<T>> {
  const operation: Operation = { beforeBroadcast, failure: null, receipt: null };
  try {
    const result = await operations.run(operation, call);
    return { result, failure: operation.failure, receipt: operation.receipt };
  } catch (error) {
    throw operation.failure ?? error;
  }
}

/** A transaction that somebody else sent for the call that runs, seen on the chain. */
export function noteRelayed(functionName: string, receipt: TransactionReceipt): void {
  const operation = operations.getStore();
  if (operation === undefined) return;
  operation.beforeBroadcast(functionName, receipt.hash, true);
  operation.receipt = receipt;
  operation.failure = null;
}

/** x402's facilitator in this process: it verifies by reading the chain and sends from `sender`, our own key. */
export function createFacilitator(network: ChainNetwork, sender: ChainSender): FacilitatorClient {
  const facilitator = new x402Facilitator();
  facilitator.register(
    network.id as `${string}:${string}`,
    new BatchSettlementEvmScheme(toFacilitatorSigner(sender)),
  );
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    getSupported: async () =>
      facilitator.getSupported() as Awaited<ReturnType<FacilitatorClient['getSupported']>>,
  };
}

function toFacilitatorSigner(sender: ChainSender): FacilitatorEvmSigner {
  return {
    getAddresses: () => [sender.address],
    readContract: (call) => observed(sender.readContract(call)),
    getCode: (request) => observed(sender.getCode(request)),
    verifyTypedData: () => Promise.reject(new Error('signatures are verified without the chain')),
    writeContract: ({ gas, dataSuffix, ...call }) => {
      const operation = operations.getStore();
      return observed(
        sender.writeContract(call, {
          ...(gas === undefined ? {} : { gas }),
          ...(dataSuffix === undefined ? {} : { dataSuffix }),
          beforeBroadcast: (hash) => operation?.beforeBroadcast(call.functionName, hash, false),
        }),
      );
    },
    sendTransaction: (transaction) => observed(sender.sendTransaction(transaction)),
    async waitForTransactionReceipt({ hash, timeout }) {
      const operation = operations.getStore();
      const receipt = await observed(sender.waitForReceipt(hash, timeout));
      if (operation !== undefined) operation.receipt = receipt;
      // The libraries read address, topics and data of a log and nothing else.
      return receipt as unknown as Awaited<ReturnType<FacilitatorEvmSigner['waitForTransactionReceipt']>>;
    },
  };
}

async function observed<T>(call: Promise<T>): Promise<T> {
  const operation = operations.getStore();
  try {
    return await call;
  } catch (error) {
    if (operation !== undefined && isAppError(error)) operation.failure = error;
    throw error;
  }
}
