/** What became of the wallet's transactions: the chain is asked until each one is final, and that is booked. */
import { isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TransactionReceipt } from '../../ports/evm.ts';
import type { SpendChain } from '../../ports/spend-chain.ts';
import type { SentTransaction, Transactions } from './transactions.ts';

/** A node that just does not have it yet must not make it look lost. */
const DROPPED_AFTER_MS = 60_000;
/** What was confirmed longer ago than this is not sent by itself any more. */
const RESEND_MS_MAX = 24 * 3_600_000;

const FAILED = 'The chain took the fee and refused the transfer; nothing was sent.';
const DROPPED = 'The network forgot it; nothing was sent. Send it again by speeding it up.';
const REPLACED = 'Another transaction of yours took its place.';
const REPLACED_ELSEWHERE = 'A transaction sent from elsewhere with the same key took its place.';

export interface WatchingOptions {
  readonly transactions: Transactions;
  readonly chain: SpendChain;
  readonly clock: Clock;
  /** Called before the transaction counts as final, so that a crash brings it again; must bear that. */
  readonly book: (entry: SentTransaction, receipt: TransactionReceipt) => void;
}

/** Looks once at everything that is not final. Fails with `chain-unavailable` or `chain-mismatch`. */
export async function watchOnce(options: WatchingOptions): Promise<void> {
  const { transactions, chain, clock, book } = options;
  // Oldest first: a nonce waits for those before it.
  const open = transactions.list().filter(mayStillChange(transactions.list())).reverse();
  const minedNonces = new Map<string, number>();
  for (const { from } of open) {
    if (!minedNonces.has(from)) minedNonces.set(from, (await chain.nonces(from)).mined);
  }
  // Receipts after the nonces: a nonce that was used then has its receipt by now.
  const inBlock = new Set<string>();
  for (const entry of open) {
    const receipt = await chain.receipt(entry.hash);
    if (receipt === null) continue;
    inBlock.add(`${entry.from}:${entry.nonce}`);
    if (await chain.isFinal(receipt)) finish(entry, receipt);
  }
  for (const { hash } of open) {
    const entry = transactions.find(hash);
    // What is in a block and not deep yet may still change; nothing is said before.
    if (entry === null || isFinal(entry) || inBlock.has(`${entry.from}:${entry.nonce}`)) continue;
    await follow(entry, (minedNonces.get(entry.from) ?? 0) > entry.nonce);
  }

  function finish(entry: SentTransaction, receipt: TransactionReceipt): void {
    const failed = receipt.status === 'reverted';
    book(entry, receipt);
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
    for (const other of transactions.list()) {
      if (other.hash === entry.hash || other.from !== entry.from || other.nonce !== entry.nonce) continue;
      transactions.keep({ ...other, state: 'replaced', reason: REPLACED, replacedBy: entry.hash });
    }
  }

  async function follow(entry: SentTransaction, nonceIsUsed: boolean): Promise<void> {
    const nowMs = clock.now();
    if (nonceIsUsed) {
      transactions.keep({ ...entry, state: 'replaced', reason: REPLACED_ELSEWHERE });
      return;
    }
    if (await chain.knows(entry.hash)) {
      if (entry.state !== 'pending' || !entry.taken || entry.missingSinceMs !== null) {
        transactions.keep({ ...entry, state: 'pending', reason: null, taken: true, missingSinceMs: null });
      }
      return;
    }
    if (entry.state === 'dropped' || hasSuccessor(entry)) return;
    if (!entry.taken && nowMs - entry.sentAtMs < RESEND_MS_MAX) {
      await resend(entry);
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

  /** A newer one has its nonce, so the node let go of this one. */
  function hasSuccessor(entry: SentTransaction): boolean {
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

  /** We stopped between writing it down and handing it over. */
  async function resend(entry: SentTransaction): Promise<void> {
    try {
      await chain.broadcast(entry.signed);
      transactions.keep({ ...entry, taken: true });
    } catch (error) {
      if (!isAppError(error, 'bad-request', 'insufficient-funds')) throw error;
      transactions.keep({ ...entry, state: 'dropped', reason: error.message });
    }
  }
}

/** Whether something is not final, so that looking at the chain has a purpose. */
export function isOpen(entry: SentTransaction): boolean {
  return entry.state === 'pending';
}

function isFinal(entry: SentTransaction): boolean {
  return entry.state === 'mined' || entry.state === 'failed' || entry.state === 'replaced';
}

/**
 * Also what was dropped or found replaced may be mined by a node that kept it, as long as no other of ours
 * with the same nonce is in a block.
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
