/**
 * Observes the chain while one of x402's calls runs. The libraries report failures as strings only; this keeps the
 * real error and the receipt, and announces each transaction's hash before the transaction leaves this machine.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type AppError, isAppError } from '../../../../shared/errors.ts';
import type { Hex, TransactionReceipt } from '../../../ports/evm.ts';

/** One observed call. */
export interface Operation {
  readonly beforeBroadcast: (functionName: string, hash: Hex, relayed: boolean) => void;
  failure: AppError | null;
  receipt: TransactionReceipt | null;
}

const operations = new AsyncLocalStorage<Operation>();

/** The result of a call into the libraries, with the chain's part in it. */
export interface OperationResult<T> {
  readonly result: T;
  /**
   * The chain was unavailable, the fee could not be paid, or the disk didn't take a record, even if `result` reports
   * something else.
   */
  readonly failure: AppError | null;
  /** Receipt of the last transaction that was mined during the call. */
  readonly receipt: TransactionReceipt | null;
}

/** Runs `call`. Each transaction that it sends is announced to `beforeBroadcast` with its function's name. */
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

/** Returns the operation in whose call this code runs, if any. */
export function currentOperation(): Operation | undefined {
  return operations.getStore();
}

/** Keeps an expected failure for the current operation, since the libraries report only a string. */
export function noteFailure(error: unknown): void {
  const operation = currentOperation();
  if (operation !== undefined && isAppError(error)) operation.failure = error;
}

/** Awaits a chain call and keeps its expected failure for the current operation. */
export async function observed<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    noteFailure(error);
    throw error;
  }
}

/** Records a transaction that a facilitator sent for the current call and that is on the chain. */
export function noteRelayed(functionName: string, receipt: TransactionReceipt): void {
  const operation = currentOperation();
  if (operation === undefined) return;
  operation.beforeBroadcast(functionName, receipt.hash, true);
  operation.receipt = receipt;
  operation.failure = null;
}
