/**
 * Settles `upto` payments with this machine's own key, which each permit names. The transaction is recorded before it leaves,
 * so that one whose result wasn't seen is found later and still counts for its payer.
 */
import type { FacilitatorClient } from '@x402/core/server';
import type { PaymentRequirements } from '@x402/core/types';
import { z } from 'zod';
import { payerCustomerId } from '../../../../shared/customers.ts';
import { isAppError } from '../../../../shared/errors.ts';
import { parseJson } from '../../../../shared/json.ts';
import { type Amount, amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ArrivedPayment } from '../../../ports/customers.ts';
import type { ChainReader, Hex } from '../../../ports/evm.ts';
import type { RecordStore } from '../../../ports/store.ts';
import { observeChain } from '../chain/operation.ts';
import { referenceOf } from './exact-authorization.ts';
import { hasTransfer } from './transfer-proof.ts';
import type { UptoPayment } from './upto-authorization.ts';

const PENDING = 'x402-upto-pending';
/** After its expiry, a transaction is looked up for this long: the chain's clock differs, and nodes lag behind. */
const GIVE_UP_MS = 600_000;

const pendingSchema = z.object({
  hash: z.string(),
  from: z.string(),
  to: z.string(),
  value: z.string(),
  deadline: z.string(),
});
type Pending = z.infer<typeof pendingSchema>;

export interface UptoSettlementParts {
  readonly network: ChainNetwork;
  readonly reader: Pick<ChainReader, 'receipt'>;
  /** Verifies and sends with this machine's key. */
  readonly own: FacilitatorClient;
  readonly store: RecordStore;
  readonly clock: Pick<Clock, 'now'>;
  /** Records what arrived late; durable when it returns. */
  readonly arrived: (payment: ArrivedPayment) => void;
}

export interface UptoSettlement {
  /** Asks the chain whether it would take all of it now. */
  isPayable(payment: UptoPayment): Promise<'yes' | 'no' | 'chain-unavailable'>;
  /**
   * Moves a part of it, and calls `record` when that is in a block. Null if it could not be moved, or isn't seen yet: then it
   * counts as a payment in advance once it is found.
   */
  settle<T>(payment: UptoPayment, value: Amount, record: (arrived: ArrivedPayment) => T): Promise<T | null>;
  /** Looks for transactions whose result wasn't seen. */
  findLate(): Promise<void>;
}

export function createUptoSettlement(parts: UptoSettlementParts): UptoSettlement {
  const { network, reader, own, store, clock } = parts;

  async function seen(reference: string, pending: Pending): Promise<ArrivedPayment | 'failed' | null> {
    const receipt = await reader.receipt(pending.hash as Hex);
    if (receipt === null) return null;
    if (!hasTransfer(receipt, pending, network)) return 'failed';
    const customerId = payerCustomerId(pending.from);
    return { customerId, reference, amount: amount(pending.value), txHash: pending.hash };
  }

  return {
    async isPayable(payment) {
      try {
        const { result, failure } = await observeChain(() =>
          own.verify(payment.payload, requirementOf(payment, payment.accepted.amount)),
        );
        if (failure !== null) return 'chain-unavailable';
        return result.isValid ? 'yes' : 'no';
      } catch (error) {
        if (isAppError(error, 'chain-unavailable')) return 'chain-unavailable';
        throw error;
      }
    },
    async settle(payment, value, record) {
      const { from, witness, deadline } = payment.permit;
      const reference = referenceOf(payment.permit);
      const requirement = requirementOf(payment, value.toString());
      const sent: { pending: Pending | null } = { pending: null };
      const note = (_: string, hash: Hex) => {
        sent.pending = { hash, from, to: witness.to, value: value.toString(), deadline };
        store.set(PENDING, reference, JSON.stringify(sent.pending));
      };
      try {
        await observeChain(() => own.settle(payment.payload, requirement), note);
        const result = sent.pending === null ? null : await seen(reference, sent.pending);
        if (result === null) return null;
        const recorded = result === 'failed' ? null : record(result);
        store.delete(PENDING, reference);
        return recorded;
      } catch (error) {
        // What was sent is found later.
        if (isAppError(error, 'chain-unavailable', 'insufficient-funds', 'fee-too-high')) return null;
        throw error;
      }
    },
    async findLate() {
      for (const { key, value } of store.list(PENDING)) {
        const parsed = pendingSchema.safeParse(parseJson(value));
        const result = parsed.success ? await seen(key, parsed.data) : 'failed';
        if (result !== null && result !== 'failed') parts.arrived(result);
        const isOver =
          result !== null ||
          (parsed.success && Number(parsed.data.deadline) * 1_000 + GIVE_UP_MS < clock.now());
        if (isOver) store.delete(PENDING, key);
      }
    },
  };
}

/** Returns the requirement that the payer accepted, with the amount to settle. */
function requirementOf({ accepted }: UptoPayment, value: string): PaymentRequirements {
  return { ...accepted, network: accepted.network as PaymentRequirements['network'], amount: value };
}
