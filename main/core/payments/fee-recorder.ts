/**
 * Records the network fee of every transaction sent from here, including relayed deposits. Each transaction is recorded
 * before it leaves, so that its fee is recorded even when the chain, or this process, is gone before the receipt
 * arrives.
 */
import { isAppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { Timer } from '../../ports/clock.ts';
import type { ChainSender } from '../../ports/evm.ts';
import { createOpenTransactions, type OnReplaced, type OpenTransactionsParts } from './open-transactions.ts';

export type FeeRecorderParts = OpenTransactionsParts;

export interface FeeRecorder {
  /** Sends as the given sender does, and records fees. */
  readonly sender: ChainSender;
  /** Queries the receipts of transactions that are still open, and replaces a stuck one, now and every 5 s. */
  start(): Timer;
  /** Calls the listener before a stuck transaction is replaced by another one; returns its unsubscribe. */
  onReplaced(listener: OnReplaced): () => void;
}

const CHECK_EVERY_MS = 5_000;

export function createFeeRecorder(parts: FeeRecorderParts): FeeRecorder {
  const { sender, clock, log } = parts;
  const open = createOpenTransactions(parts);
  const inOrder = createInOrder();
  let isWaiting = false;

  /** If the chain is unavailable, the next check retries. */
  const reportFailure = (error: unknown): void => {
    if (isAppError(error))
      log.debug('Could not query the receipts of transactions', { cause: error.message });
    else log.error('Could not query the receipts of transactions', error);
  };
  /** One after another, since two concurrent checks would replace the same transaction twice; at most one waits. */
  const check = (): void => {
    if (isWaiting) return;
    isWaiting = true;
    const run = () => {
      isWaiting = false;
      return open.check();
    };
    inOrder(run).catch(reportFailure);
  };

  return {
    sender: {
      ...sender,
      writeContract: (call, options = {}) =>
        sender.writeContract(call, {
          ...options,
          beforeBroadcast(hash, transaction) {
            open.add(hash, transaction, call.functionName);
            log.debug('Sending a transaction', { tx: hash, call: call.functionName });
            options.beforeBroadcast?.(hash, transaction);
          },
        }),
      sendTransaction: (transaction, options = {}) =>
        sender.sendTransaction(transaction, {
          beforeBroadcast(hash, signed) {
            open.add(hash, signed, 'transfer');
            options.beforeBroadcast?.(hash, signed);
          },
        }),
      async waitForReceipt(hash, timeoutMs) {
        const receipt = await sender.waitForReceipt(hash, timeoutMs);
        open.book(receipt);
        return receipt;
      },
    },
    start() {
      check();
      return clock.every(CHECK_EVERY_MS, check);
    },
    onReplaced: open.onReplaced,
  };
}
