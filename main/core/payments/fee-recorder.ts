/**
 * Records the network fee of every transaction sent from here, also of a deposit that is relayed. Each transaction
 * is written down before it leaves, so that its fee is recorded even when the chain, or this process, is gone before
 * the receipt arrives.
 */
import { z } from 'zod';
import { isAppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { ChainSender, Hex, TransactionReceipt } from '../../ports/evm.ts';
import type { Log } from '../../ports/log.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';

export interface FeeRecorderParts {
  readonly sender: ChainSender;
  readonly store: RecordStore;
  readonly ledger: Pick<Ledger, 'networkFee'>;
  /** Asset ID of the chain's native coin. */
  readonly coinId: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface FeeRecorder {
  /** Sends as the given sender does, and records fees. */
  readonly sender: ChainSender;
  /** Queries the receipts of transactions that are still open, now and every 5 s. */
  start(): Timer;
}

const COLLECTION = 'fees-to-book';
const CHECK_EVERY_MS = 5_000;
/** A transaction that no node has after this time was never accepted by the chain. */
const FORGET_MS = 3_600_000;

/** What the calls of the settlement contract are for. A `multicall` claims and refunds at once. */
const PURPOSES: Readonly<Record<string, string>> = {
  claim: 'claim',
  claimWithSignature: 'claim',
  multicall: 'refund',
  settle: 'payout',
  deposit: 'deposit',
  refund: 'refund',
  refundWithSignature: 'refund',
  initiateWithdraw: 'withdrawal',
  finalizeWithdraw: 'withdrawal',
};

/** `purpose` is missing in notes of earlier versions, and null where it is unknown. */
const noteSchema = z.object({ sentAtMs: z.number(), purpose: z.string().nullable().default(null) });

export function createFeeRecorder(parts: FeeRecorderParts): FeeRecorder {
  const { sender, clock, log } = parts;
  const open = createOpenTransactions(parts);

  /** If the chain is unavailable, the next check retries. */
  const reportFailure = (error: unknown): void => {
    if (isAppError(error))
      log.debug('Could not query the receipts of transactions', { cause: error.message });
    else log.error('Could not query the receipts of transactions', error);
  };
  const check = () => void open.check().catch(reportFailure);

  return {
    sender: {
      ...sender,
      writeContract: (call, options = {}) =>
        sender.writeContract(call, {
          ...options,
          beforeBroadcast(hash) {
            open.add(hash, PURPOSES[call.functionName] ?? null);
            log.debug('Sending a transaction', { tx: hash, call: call.functionName });
            options.beforeBroadcast?.(hash);
          },
        }),
      async sendTransaction(transaction) {
        const hash = await sender.sendTransaction(transaction);
        open.add(hash, null);
        return hash;
      },
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
  };
}

/** Transactions whose fee is not recorded yet, stored over restarts. */
function createOpenTransactions({ sender, store, ledger, coinId, clock, log }: FeeRecorderParts) {
  const isForgotten = (note: string): boolean =>
    clock.now() - noteSchema.parse(JSON.parse(note)).sentAtMs > FORGET_MS;

  function purposeOf(hash: Hex): string | null {
    const note = store.get(COLLECTION, hash);
    return note === null ? null : noteSchema.parse(JSON.parse(note)).purpose;
  }

  function book(receipt: TransactionReceipt): void {
    const purpose = purposeOf(receipt.hash);
    const outcome = ledger.networkFee({ txHash: receipt.hash, assetId: coinId, amount: receipt.fee });
    store.delete(COLLECTION, receipt.hash);
    if (outcome !== 'posted') return;
    const { hash: tx, status, blockNumber: block, fee } = receipt;
    log.info('Transaction mined', {
      ...(purpose !== null && { purpose }),
      ...{ tx, status, block, feeWei: fee.toString() },
    });
  }

  return {
    add: (hash: Hex, purpose: string | null) =>
      store.set(COLLECTION, hash, JSON.stringify({ sentAtMs: clock.now(), purpose })),
    book,
    async check(): Promise<void> {
      for (const { key, value } of store.list(COLLECTION)) {
        const hash = key as Hex;
        const receipt = await sender.receipt(hash);
        if (receipt !== null) book(receipt);
        else if (isForgotten(value) && !(await sender.isPending(hash))) store.delete(COLLECTION, hash);
      }
    },
  };
}
