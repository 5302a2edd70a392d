/**
 * Collects exact payments: through x402 facilitators over HTTP, which pay the fee, else with this machine's own key. Only
 * the chain proves a payment. One that arrives after it was given up is found later and still counts for its payer.
 */
import { type FacilitatorClient, HTTPFacilitatorClient } from '@x402/core/server';
import type { PaymentRequirements } from '@x402/core/types';
import { z } from 'zod';
import { payerCustomerId } from '../../../../shared/customers.ts';
import { isAppError } from '../../../../shared/errors.ts';
import { parseJson } from '../../../../shared/json.ts';
import { amount } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ArrivedPayment } from '../../../ports/customers.ts';
import type { ChainReader } from '../../../ports/evm.ts';
import type { RecordStore } from '../../../ports/store.ts';
import { observeChain } from '../chain/operation.ts';
import { type ExactPayment, referenceOf } from './exact-authorization.ts';
import {
  createTransferProof,
  LOOK_UP_MS,
  lookAtEach,
  type PendingTransfer,
  pendingTransferSchema,
} from './transfer-proof.ts';

const PENDING = 'x402-exact-pending';
/** Blocks before the one at which a payment was accepted, for a node that is behind. */
const BLOCKS_BACK = 10;
const ANSWER_MS = 15_000;
const SHOW_MS = 20_000;

export interface CollectionParts {
  readonly network: ChainNetwork;
  readonly reader: Pick<ChainReader, 'receipt' | 'readContract' | 'logs' | 'height'>;
  /** Verifies and sends with this machine's key. */
  readonly own: FacilitatorClient;
  readonly store: RecordStore;
  readonly clock: Clock;
  /** Records what arrived; durable when it returns. */
  readonly arrived: (payment: ArrivedPayment) => void;
  /** For tests: time limits for a facilitator's answer, and for its reported success to be on the chain. */
  readonly timeouts?: { readonly answerMs: number; readonly showMs: number };
}

/** Result of a collection: the transaction, or what prevented it. */
export type Collected =
  | { readonly kind: 'arrived'; readonly transaction: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'chain-unavailable' };

export interface ExactCollection {
  /** Resolves when the payment is in a block, or can't be collected now. */
  collect(payment: ExactPayment, requirement: PaymentRequirements): Promise<Collected>;
  /** Looks for payments that were given up and arrived since. */
  findLate(): Promise<void>;
}

export function createExactCollection(parts: CollectionParts): ExactCollection {
  const { network, reader, own, store, clock } = parts;
  const timeouts = parts.timeouts ?? { answerMs: ANSWER_MS, showMs: SHOW_MS };
  const { isShown, findUsed } = createTransferProof({ network, reader, clock });
  const relays = network.facilitators.map(
    (url) => new HTTPFacilitatorClient({ url, timeoutMs: timeouts.answerMs }),
  );

  function finish(pending: PendingTransfer, transaction: string): void {
    const reference = referenceOf(pending);
    const customerId = payerCustomerId(pending.from);
    parts.arrived({ customerId, reference, amount: amount(pending.value), txHash: transaction });
    store.delete(PENDING, reference);
  }

  async function byRelay(payment: ExactPayment, requirement: PaymentRequirements, pending: PendingTransfer) {
    for (const relay of relays) {
      const answer = await relay.settle(payment.payload, requirement).catch(() => null);
      const hash = hashSchema.safeParse(answer?.transaction);
      if (answer === null || !hash.success) continue;
      if (await isShown(hash.data, pending, answer.success ? timeouts.showMs : 0)) return hash.data;
    }
    return null;
  }

  async function isCollectable(payment: ExactPayment, requirement: PaymentRequirements): Promise<boolean> {
    const { result, failure } = await observeChain(() => own.verify(payment.payload, requirement));
    if (failure !== null) throw failure;
    return result.isValid;
  }

  async function settleOwn(
    payment: ExactPayment,
    requirement: PaymentRequirements,
    pending: PendingTransfer,
  ) {
    const { result, failure } = await observeChain(() => own.settle(payment.payload, requirement));
    if (result.success && (await isShown(result.transaction, pending, timeouts.showMs)))
      return result.transaction;
    const used = await findUsed(pending);
    if (used === null && failure !== null) throw failure;
    return used;
  }

  return {
    async collect(payment, requirement) {
      try {
        // Before anybody else gets it: what can't be collected needs no record.
        if (!(await isCollectable(payment, requirement))) return { kind: 'refused' };
        const { from, to, value, nonce, validBefore } = payment.authorization;
        const fromBlock = Math.max(0, (await reader.height()) - BLOCKS_BACK);
        const pending = { from, to, value, nonce, validBefore, fromBlock };
        store.set(PENDING, referenceOf(payment.authorization), JSON.stringify(pending));
        const transaction =
          (await byRelay(payment, requirement, pending)) ?? (await settleOwn(payment, requirement, pending));
        if (transaction === null) return { kind: 'refused' };
        finish(pending, transaction);
        return { kind: 'arrived', transaction };
      } catch (error) {
        if (isAppError(error, 'chain-unavailable', 'insufficient-funds', 'fee-too-high')) {
          return { kind: 'chain-unavailable' };
        }
        throw error;
      }
    },
    async findLate() {
      await lookAtEach(store, PENDING, async (key, value) => {
        const parsed = pendingTransferSchema.safeParse(parseJson(value));
        if (!parsed.success) store.delete(PENDING, key);
        else {
          const transaction = await findUsed(parsed.data);
          if (transaction !== null) finish(parsed.data, transaction);
          else if (Number(parsed.data.validBefore) * 1_000 + LOOK_UP_MS < clock.now())
            store.delete(PENDING, key);
        }
      });
    },
  };
}

const hashSchema = z.string().regex(/^0x[0-9a-fA-F]{64}$/);
