/** Follows the wallet's transactions on the chain until each one is final, and records the final ones. */
import { isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TransactionReceipt } from '../../ports/evm.ts';
import type { SpendChain } from '../../ports/spend-chain.ts';
import type { SentTransaction, Transactions } from './transactions.ts';

/** Time for which the node must lack a transaction before it counts as dropped; a node may just be behind. */
const DROPPED_AFTER_MS = 60_000;
/**
 * Time for which a transaction whose nonce is used must be in no block before it counts as replaced: a node that is behind lacks
 * the receipt, and a payout to a customer would be returned to the balance although it was paid.
 */
const REPLACED_AFTER_MS = 10 * 60_000;
/** A transaction that was confirmed longer ago than this isn't broadcast again automatically. */
const RESEND_MS_MAX = 24 * 3_600_000;

const FAILED = 'The chain rejected the transfer and charged the fee. Nothing was sent.';
const DROPPED = 'The network dropped the transaction. Nothing was sent. To send it again, speed it up.';
const REPLACED = 'Another transaction of this wallet replaced it.';
const REPLACED_ELSEWHERE = 'A transaction that was sent from elsewhere with the same key replaced it.';

export interface WatchingOptions {
  readonly transactions: Transactions;
  readonly chain: SpendChain;
  readonly clock: Clock;
  /** Called before the transaction counts as final, so that it is called again after a crash; must be idempotent. */
  readonly book: (entry: SentTransaction, receipt: TransactionReceipt) => void;
}

/** Checks once everything that isn't final. Fails with `chain-unavailable` or `chain-mismatch`. */
export async function watchOnce(options: WatchingOptions): Promise<void> {
  const { transactions, chain } = options;
  // Oldest first, because a nonce waits for those before it.
  const open = transactions.list().filter(mayStillChange(transactions.list())).reverse();
  const minedNonces = new Map<string, number>();
  for (const { from } of open) {
    if (!minedNonces.has(from)) minedNonces.set(from, (await chain.nonces(from)).mined);
  }
  // Receipts after the nonces: a nonce that counted as used then has its receipt by now.
  const inBlock = new Set<string>();
  for (const entry of open) {
    const receipt = await chain.receipt(entry.hash);
    if (receipt === null) continue;
    inBlock.add(`${entry.from}:${entry.nonce}`);
    if (await chain.isFinal(receipt)) finish(options, entry, receipt);
  }
  for (const { hash } of open) {
    const entry = transactions.find(hash);
    // A transaction in a block that isn't deep enough may still change, so its state is left alone.
    if (entry === null || isFinal(entry) || inBlock.has(`${entry.from}:${entry.nonce}`)) continue;
    await follow(options, entry, (minedNonces.get(entry.from) ?? 0) > entry.nonce);
  }
}

function finish(
  { transactions, clock, book }: WatchingOptions,
  entry: SentTransaction,
  receipt: TransactionReceipt,
): void {
  const failed = receipt.status === 'reverted';
  book(entry, receipt);
  // The others first: once this one is final, a dropped one isn't looked at again.
  for (const other of transactions.list()) {
    if (other.hash === entry.hash || other.from !== entry.from || other.nonce !== entry.nonce) continue;
    transactions.keep({ ...other, state: 'replaced', reason: REPLACED, replacedBy: entry.hash });
  }
  transactions.keep({
    ...entry,
    state: failed ? 'failed' : 'mined',
    reason: failed ? FAILED : null,
    fee: receipt.fee,
    blockNumber: receipt.blockNumber,
    minedAtMs: clock.now(),
    taken: true,
    missingSinceMs: null,
    replacedBy: null,
  });
}

/** Updates a transaction that is in no block. */
async function follow(options: WatchingOptions, entry: SentTransaction, nonceIsUsed: boolean): Promise<void> {
  const { transactions, chain, clock } = options;
  const nowMs = clock.now();
  if (nonceIsUsed) {
    const missingSinceMs = entry.missingSinceMs ?? nowMs;
    const isReplaced = nowMs - missingSinceMs >= REPLACED_AFTER_MS;
    transactions.keep({
      ...entry,
      missingSinceMs,
      ...(isReplaced && { state: 'replaced' as const, reason: REPLACED_ELSEWHERE }),
    });
    return;
  }
  if (await chain.knows(entry.hash)) {
    if (entry.state !== 'pending' || !entry.taken || entry.missingSinceMs !== null) {
      transactions.keep({ ...entry, state: 'pending', reason: null, taken: true, missingSinceMs: null });
    }
    return;
  }
  if (entry.state === 'dropped' || hasSuccessor(transactions, entry)) return;
  if (!entry.taken && nowMs - entry.sentAtMs < RESEND_MS_MAX) {
    await resend(options, entry);
    return;
  }
  const missingSinceMs = entry.missingSinceMs ?? nowMs;
  const lost = nowMs - missingSinceMs >= DROPPED_AFTER_MS;
  transactions.keep({
    ...entry,
    missingSinceMs,
    ...(lost && { state: 'dropped' as const, reason: DROPPED }),
  });
}

/** True if a pending transaction with a higher fee has the same nonce, so that the node discarded this one. */
function hasSuccessor(transactions: Transactions, entry: SentTransaction): boolean {
  return transactions
    .list()
    .some(
      (other) =>
        other.from === entry.from &&
        other.nonce === entry.nonce &&
        other.maxFeePerGas > entry.maxFeePerGas &&
        other.state === 'pending',
    );
}

/** Broadcasts a transaction again that was stored just before this process stopped. */
async function resend({ transactions, chain }: WatchingOptions, entry: SentTransaction): Promise<void> {
  try {
    await chain.broadcast(entry.signed);
    transactions.keep({ ...entry, taken: true });
  } catch (error) {
    if (!isAppError(error, 'bad-request', 'insufficient-funds')) throw error;
    transactions.keep({ ...entry, state: 'dropped', reason: error.message });
  }
}

/** True if the transaction waits for the chain, so that a check is useful. */
export function isOpen(entry: SentTransaction): boolean {
  return entry.state === 'pending';
}

function isFinal(entry: SentTransaction): boolean {
  return entry.state === 'mined' || entry.state === 'failed' || entry.state === 'replaced';
}

/**
 * Selects pending transactions, and dropped ones: a node that kept one may still mine it, as long as no other
 * transaction of this wallet with the same nonce is in a block.
 */
function mayStillChange(all: readonly SentTransaction[]): (entry: SentTransaction) => boolean {
  return (entry) =>
    entry.state === 'pending' ||
    (entry.state === 'dropped' &&
      !all.some(
        (other) =>
          other.from === entry.from &&
          other.nonce === entry.nonce &&
          (other.state === 'mined' || other.state === 'failed'),
      ));
}
