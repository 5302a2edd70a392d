/**
 * Settles `upto` payments with this machine's own key, which each permit names. The same contract call is tried before the
 * answer and sent after it. The transaction is recorded before it leaves, so that one whose result wasn't seen is found
 * later and still pays for its answer.
 */
import { payerCustomerId } from '../../../../shared/customers.ts';
import { type AppError, isAppError } from '../../../../shared/errors.ts';
import { parseJson } from '../../../../shared/json.ts';
import { type Amount, amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ArrivedPayment } from '../../../ports/customers.ts';
import { ChainRefusal, type ChainSender, type Hex } from '../../../ports/evm.ts';
import type { Log } from '../../../ports/log.ts';
import type { RecordStore } from '../../../ports/store.ts';
import { referenceOf } from './exact-authorization.ts';
import { hasTransfer, LOOK_UP_MS, lookAtEach, receiptWithin } from './transfer-proof.ts';
import type { UptoPayment } from './upto-authorization.ts';
import { settleCall } from './upto-call.ts';
import { PENDING, type Pending, pendingSchema } from './upto-pending.ts';

/** The buyer of an answer waits at most this long for the block with its payment. */
const BLOCK_MS_MAX = 60_000;

export interface UptoSettlementParts {
  readonly network: ChainNetwork;
  /** This machine's key, which pays the fees. */
  readonly sender: Pick<ChainSender, 'address' | 'readContract' | 'writeContract' | 'receipt'>;
  readonly store: RecordStore;
  readonly clock: Clock;
  /** Records what arrived late, and the part of it that its answer cost; durable when it returns. */
  readonly paidLate: (payment: ArrivedPayment, used: Amount) => void;
  readonly log: Pick<Log, 'warn'>;
}

export type Settled<T> =
  | { readonly kind: 'settled'; readonly recorded: T }
  /** The chain doesn't take it: its payer's money or permission is gone. */
  | { readonly kind: 'refused' }
  /**
   * No fault of the payer: the fee couldn't be paid, or the chain can't be reached, or no block has the transaction yet, or
   * the permit expired before the answer was complete.
   * If it was sent, it pays for its answer once it is found.
   */
  | { readonly kind: 'not-collected' };

export interface UptoSettlement {
  /** Asks the chain whether it would take all of it now. */
  isPayable(payment: UptoPayment): Promise<'yes' | 'no' | 'chain-unavailable'>;
  /** Moves a part of it, and calls `record` when that is in a block. Fails if a record can't be stored. */
  settle<T>(
    payment: UptoPayment,
    due: Pick<Due, 'value' | 'used' | 'job'>,
    record: (arrived: ArrivedPayment) => T,
  ): Promise<Settled<T>>;
  /** Looks for transactions whose result wasn't seen. */
  findLate(): Promise<void>;
}

export function createUptoSettlement(parts: UptoSettlementParts): UptoSettlement {
  const { sender, store, clock } = parts;
  /** References of payments that are being settled: what arrives for them isn't late. */
  const settling = new Set<string>();

  return {
    async isPayable(payment) {
      try {
        const call = settleCall(payment, BigInt(payment.accepted.amount));
        await sender.readContract({ ...call, from: sender.address });
        return 'yes';
      } catch (error) {
        if (error instanceof ChainRefusal) return 'no';
        if (isChainFailure(error)) return 'chain-unavailable';
        throw error;
      }
    },
    async settle(payment, due, record) {
      const reference = referenceOf(payment.permit);
      settling.add(reference);
      try {
        return await settleNow(parts, { ...due, payment, reference }, record);
      } finally {
        settling.delete(reference);
      }
    },
    async findLate() {
      await lookAtEach(store, PENDING, async (key, value) => {
        if (settling.has(key)) return;
        const parsed = pendingSchema.safeParse(parseJson(value));
        const result = parsed.success ? await seen(parts, key, parsed.data, 0) : 'failed';
        if (parsed.success && result !== null && result !== 'failed') {
          parts.paidLate(result, amount(BigInt(parsed.data.used)));
        }
        const isOver =
          result !== null ||
          (parsed.success && Number(parsed.data.deadline) * 1_000 + LOOK_UP_MS < clock.now());
        if (isOver) store.delete(PENDING, key);
      });
    },
  };
}

/** A part of a payment that is to be moved. */
interface Due {
  readonly payment: UptoPayment;
  readonly value: Amount;
  /** Cost of the answer: no more than `value`. */
  readonly used: Amount;
  /** ID of the answer's job; null if it isn't known. */
  readonly job: string | null;
  readonly reference: string;
}

const EXPIRED = 'The permit expired before the answer was complete.';

function isExpired({ clock }: Pick<UptoSettlementParts, 'clock'>, { payment }: Due): boolean {
  return clock.now() > Number(payment.permit.deadline) * 1_000;
}

async function settleNow<T>(
  parts: UptoSettlementParts,
  due: Due,
  record: (arrived: ArrivedPayment) => T,
): Promise<Settled<T>> {
  const { store } = parts;
  const { reference } = due;
  const { notCollected, refused } = unpaid(parts, due);
  if (isExpired(parts, due)) return notCollected(EXPIRED);
  const { pending, failure } = await send(parts, due);
  if (pending === null) {
    if (failure instanceof ChainRefusal) return refused(failure.message);
    return notCollected(failure?.message ?? 'Nothing was sent.');
  }
  try {
    const result = await seen(parts, reference, pending, mayArrive(failure) ? BLOCK_MS_MAX : 0);
    if (result === null) return notCollected(failure?.message ?? 'No block has the transaction yet.');
    const settled: Settled<T> =
      result === 'failed'
        ? refused('The transaction was reverted.')
        : { kind: 'settled', recorded: record(result) };
    store.delete(PENDING, reference);
    return settled;
  } catch (error) {
    if (isChainFailure(error)) return notCollected(error.message);
    throw error;
  }
}

/** Results of an answer that isn't paid; each is logged. */
function unpaid(parts: Pick<UptoSettlementParts, 'log' | 'clock'>, due: Due) {
  const fields = { payer: due.payment.permit.from, amount: due.value.toString() };
  const notCollected = (cause: string): Settled<never> => {
    parts.log.warn('An answer was given, and its payment could not be collected', { cause, ...fields });
    return { kind: 'not-collected' };
  };
  const refused = (cause: string): Settled<never> => {
    // Its payer couldn't help it: the answer took longer than the permit was valid.
    if (isExpired(parts, due)) return notCollected(EXPIRED);
    parts.log.warn('An answer was given, and the chain refused its payment', { cause, ...fields });
    return { kind: 'refused' };
  };
  return { notCollected, refused };
}

/** Returns what was sent, if anything was, and the chain's refusal or failure. Another fault is thrown. */
async function send({ sender, store }: UptoSettlementParts, due: Due) {
  const { payment, value, used, job, reference } = due;
  const { from, witness, deadline } = payment.permit;
  const sent: { pending: Pending | null } = { pending: null };
  const beforeBroadcast = (hash: Hex) => {
    const pending = {
      ...{ hash, earlier: [], from, to: witness.to, deadline },
      ...{ value: value.toString(), used: used.toString(), job },
    };
    store.set(PENDING, reference, JSON.stringify(pending));
    sent.pending = pending;
  };
  try {
    await sender.writeContract(settleCall(payment, value), { beforeBroadcast });
    return { pending: sent.pending, failure: null };
  } catch (error) {
    if (!(error instanceof ChainRefusal) && !isChainFailure(error)) throw error;
    return { pending: sent.pending, failure: error };
  }
}

/** Waits at most this long for the block; null if none has the transaction, or one that it replaced. */
async function seen(
  { sender, clock, network }: UptoSettlementParts,
  reference: string,
  pending: Pending,
  waitMs: number,
): Promise<ArrivedPayment | 'failed' | null> {
  let receipt = await receiptWithin({ reader: sender, clock }, pending.hash, waitMs);
  for (const hash of pending.earlier) receipt ??= await receiptWithin({ reader: sender, clock }, hash, 0);
  if (receipt === null) return null;
  if (!hasTransfer(receipt, pending, network)) return 'failed';
  const customerId = payerCustomerId(pending.from);
  return { customerId, reference, amount: amount(pending.value), txHash: receipt.hash };
}

/** True for a transaction that was sent, also if the answer to it was lost: a node may have it. */
function mayArrive(failure: Error | null): boolean {
  return failure === null || isAppError(failure, 'chain-unavailable', 'chain-mismatch');
}

/** A failure that says nothing about the payer. */
function isChainFailure(error: unknown): error is AppError {
  return isAppError(error, 'chain-unavailable', 'chain-mismatch', 'insufficient-funds', 'fee-too-high');
}
