/**
 * Transactions that were sent and are not mined yet, stored over restarts: records their fees, and replaces one that
 * pays too little to be mined. A claim that stays in the pool is lost money once its payer's withdrawal is due.
 */
import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import type { ChainSender, Hex, TransactionReceipt, UnsignedTransaction } from '../../ports/evm.ts';
import type { Log } from '../../ports/log.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';

export interface OpenTransactionsParts {
  readonly sender: ChainSender;
  readonly store: RecordStore;
  /** Defers what a crash only repeats. Default: it is on disk immediately. */
  readonly durability?: Durability;
  readonly ledger: Pick<Ledger, 'networkFee'>;
  /** Asset ID of the chain's native coin. */
  readonly coinId: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Called with the replaced transaction's hash and the new one, before the new one leaves this machine. */
export type OnReplaced = (earlier: Hex, hash: Hex) => void;

export interface OpenTransactions {
  /** `purpose` is for the log: the name of the contract function, or `transfer`. */
  add(hash: Hex, transaction: UnsignedTransaction, purpose: string): void;
  book(receipt: TransactionReceipt): void;
  /** Queries the receipts of all, then replaces the one that has been in the pool for too long. */
  check(): Promise<void>;
  /** Returns its unsubscribe. */
  onReplaced(listener: OnReplaced): () => void;
}

const COLLECTION = 'fees-to-book';
/** A transaction that no node has after this time was never accepted by the chain. */
const FORGET_MS = 3_600_000;
/** Time in the pool after which a transaction is replaced: many blocks, and a fraction of the shortest withdrawal delay. */
export const STUCK_MS = 180_000;

const hexSchema = z.custom<Hex>((value) => typeof value === 'string' && /^0x[0-9a-fA-F]*$/.test(value));
const transactionSchema = z.object({
  chainId: z.number(),
  nonce: z.number(),
  to: hexSchema,
  data: hexSchema,
  value: z.coerce.bigint(),
  gasLimit: z.coerce.bigint(),
  maxFeePerGas: z.coerce.bigint(),
  maxPriorityFeePerGas: z.coerce.bigint(),
});
/** Notes of earlier versions have no transaction; those can't be replaced. */
const noteSchema = z.object({
  sentAtMs: z.number(),
  transaction: transactionSchema.optional(),
  purpose: z.string().default('unknown'),
});

interface Note {
  readonly hash: Hex;
  readonly sentAtMs: number;
  readonly transaction?: UnsignedTransaction | undefined;
  readonly purpose: string;
}

export function createOpenTransactions(parts: OpenTransactionsParts): OpenTransactions {
  const { sender, store, durability = IMMEDIATE, ledger, coinId, clock, log } = parts;
  const listeners = new Set<OnReplaced>();
  /** Time of the next replacement, so that a limit that leaves no room isn't queried every few seconds. */
  let replaceAtMs = 0;

  const notes = (): Note[] =>
    store.list(COLLECTION).map(({ key, value }) => ({
      hash: key as Hex,
      ...noteSchema.parse(JSON.parse(value)),
    }));

  function add(hash: Hex, transaction: UnsignedTransaction, purpose: string): void {
    const write = (_: string, part: unknown) => (typeof part === 'bigint' ? part.toString() : part);
    store.set(COLLECTION, hash, JSON.stringify({ sentAtMs: clock.now(), transaction, purpose }, write));
  }

  function book(receipt: TransactionReceipt): void {
    const outcome = ledger.networkFee({ txHash: receipt.hash, assetId: coinId, amount: receipt.fee });
    const all = notes();
    const note = all.find(({ hash }) => hash === receipt.hash);
    const nonce = note?.transaction?.nonce;
    durability.defer(() => {
      store.delete(COLLECTION, receipt.hash);
      // The chain accepts one transaction per nonce, so none of the others can be mined.
      for (const { hash, transaction } of all) {
        if (transaction !== undefined && transaction.nonce === nonce) store.delete(COLLECTION, hash);
      }
    });
    if (outcome !== 'posted') return;
    const { hash: tx, status, blockNumber: block, fee } = receipt;
    const purpose = note?.purpose ?? 'unknown';
    log.info('Transaction mined', { purpose, tx, status, block, feeWei: fee.toString() });
  }

  /** A replacement may never have reached a node, while the transaction that it replaces is still there. */
  async function isAnyPending(all: readonly Note[], nonce: number): Promise<boolean> {
    for (const note of all) {
      if (note.transaction?.nonce === nonce && (await sender.isPending(note.hash))) return true;
    }
    return false;
  }

  async function replaceStuck(): Promise<void> {
    const all = notes();
    const stuck = stuckOf(all, clock.now());
    if (stuck === null || clock.monotonic() < replaceAtMs) return;
    const { hash: earlier, transaction, purpose } = stuck;
    if (!(await isAnyPending(all, transaction.nonce))) return;
    replaceAtMs = clock.monotonic() + STUCK_MS;
    const hash = await sender.replace(transaction, {
      beforeBroadcast(next, replacement) {
        add(next, replacement, purpose);
        for (const listener of listeners) listener(earlier, next);
      },
    });
    if (hash === null) {
      log.warn('A transaction is stuck, and the limit for network fees leaves no room for a higher fee', {
        tx: earlier,
      });
    } else log.info('Replaced a stuck transaction by one with a higher fee', { tx: hash, earlier });
  }

  return {
    add,
    book,
    async check() {
      for (const { hash, sentAtMs } of notes()) {
        const receipt = await sender.receipt(hash);
        const isOld = clock.now() - sentAtMs > FORGET_MS;
        if (receipt !== null) book(receipt);
        else if (isOld && !(await sender.isPending(hash))) {
          store.delete(COLLECTION, hash);
          // Its nonce is free again; later ones would wait for it.
          sender.forgetNonce();
        }
      }
      await replaceStuck();
    },
    onReplaced(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

type StuckNote = Note & { readonly transaction: UnsignedTransaction };

/**
 * Returns the last transaction with the lowest nonce if it has waited too long: all later nonces wait for it. A clock
 * that was set back makes the wait unknown, which counts as too long, once.
 */
function stuckOf(notes: readonly Note[], nowMs: number): StuckNote | null {
  let first: StuckNote | null = null;
  for (const { transaction, ...note } of notes) {
    if (transaction === undefined) continue;
    const isBefore =
      first === null ||
      transaction.nonce < first.transaction.nonce ||
      (transaction.nonce === first.transaction.nonce &&
        transaction.maxFeePerGas > first.transaction.maxFeePerGas);
    if (isBefore) first = { ...note, transaction };
  }
  if (first === null) return null;
  const waitedMs = nowMs - first.sentAtMs;
  return waitedMs >= 0 && waitedMs < STUCK_MS ? null : first;
}
