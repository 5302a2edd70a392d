/**
 * The storefront's payment gate: x402's `exact` and `batch-settlement` in one 402, and prepaid balances. An exact payment
 * is collected before any work, for the request's maximum cost; what the job doesn't use stays its payer's balance, and a
 * payment that the balance covers isn't collected: its signature only shows who pays.
 */
import { encodePaymentResponseHeader } from '@x402/core/http';
import { payerCustomerId } from '../../../../shared/customers.ts';
import { type Amount, ZERO } from '../../../../shared/money.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CustomerAccounts, CustomerHold } from '../../../ports/customers.ts';
import type { RecoverSigner } from '../../../ports/evm.ts';
import {
  type Admission,
  type AdmittedPayment,
  CUSTOMER_HEADER,
  PAYMENT_HEADER,
  type PaidRequest,
  type PaymentGate,
  type PaymentStanding,
  type SaleRefusal,
} from '../../../ports/payments.ts';
import { type ExactPayment, readExactPayment } from './exact-authorization.ts';
import type { ExactCollection } from './exact-collection.ts';
import { createExactTerms } from './exact-terms.ts';
import type { Answered } from './gate-response.ts';
import { createPaymentGate } from './payment-gate.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { type SaleListing, saleRefusal, withSale } from './sale-refusals.ts';
import { createUsedPayments } from './used-payments.ts';

export interface SaleGateParts {
  readonly channels: ProviderChannels;
  readonly collection: ExactCollection;
  readonly customers: CustomerAccounts;
  readonly recoverSigner: RecoverSigner;
  readonly clock: Clock;
  readonly listing: (path: string) => SaleListing;
}

export interface SaleGate extends PaymentGate {
  /** Forgets used payments that have expired. */
  forgetExpired(): void;
}

/** See {@link PaymentGate}. A request's {@link CUSTOMER_HEADER} must come from this program. */
export function createSaleGate(parts: SaleGateParts): SaleGate {
  const { channels, customers } = parts;
  const byChannel = createPaymentGate(channels);
  const { network, payout, store, durability } = channels.options;
  const used = createUsedPayments(store, durability);
  const { requirementOf, objectionTo } = createExactTerms({ ...parts, isUsed: used.has });
  async function refuse(request: PaidRequest, reason: SaleRefusal | 'chain-unavailable' | 'bad-signature') {
    // Without the payment, the channels' gate responds with its requirements.
    const required = await byChannel.admit({ ...request, header: () => undefined });
    if (required.kind !== 'answered') throw new Error('a request without payment is never admitted');
    return saleRefusal(reason, offered(required, request));
  }

  function offered(response: Answered, request: PaidRequest): Answered {
    const path = request.path.split('?')[0] ?? request.path;
    return withSale(response, requirementOf(request.ceiling), parts.listing(path));
  }

  async function admitExact(request: PaidRequest, payment: ExactPayment): Promise<Admission> {
    const objection = objectionTo(payment);
    if (objection !== null) return refuse(request, objection);
    const { ceiling } = request;
    if (BigInt(payment.accepted.amount) < ceiling) return refuse(request, 'payment-too-small');
    const payer = payment.authorization.from.toLowerCase();
    const customerId = payerCustomerId(payer);
    used.add(payment.authorization);
    const covered = customers.hold(customerId, ceiling);
    if (covered !== null) return admitted({ customerId, payer, hold: covered, ceiling, transaction: '' });
    const requirement = { ...requirementOf(ceiling), amount: payment.accepted.amount };
    const collected = await parts.collection.collect(payment, requirement);
    if (collected.kind === 'refused') return refuse(request, 'payment-refused');
    if (collected.kind === 'chain-unavailable') return refuse(request, 'chain-unavailable');
    const hold = customers.hold(customerId, ceiling);
    if (hold === null) return refuse(request, 'balance-too-small');
    return admitted({ customerId, payer, hold, ceiling, transaction: collected.transaction });
  }

  function admitted(paid: Omit<PaidInAdvance, 'network' | 'available'>): Admission {
    const available = () => customers.available(paid.customerId);
    return { kind: 'admitted', payment: paidInAdvance({ ...paid, network: network.id, available }) };
  }

  async function admitCustomer(request: PaidRequest, customerId: string): Promise<Admission> {
    const { ceiling } = request;
    const hold = customers.hold(customerId, ceiling);
    if (hold === null) return refuse(request, 'balance-too-small');
    return admitted({ customerId, payer: customerId, hold, ceiling, transaction: '' });
  }

  function standing(request: Pick<PaidRequest, 'header'>): PaymentStanding {
    const customerId = request.header(CUSTOMER_HEADER);
    if (customerId !== undefined) return customers.available(customerId) > 0n ? 'proven' : 'refused';
    const payment = readExactPayment(request.header(PAYMENT_HEADER) ?? '');
    if (payment === null) return byChannel.standing(request);
    if (payment === 'malformed' || objectionTo(payment) !== null) return 'refused';
    return customers.available(payerCustomerId(payment.authorization.from)) > 0n ? 'proven' : 'unproven';
  }

  return {
    asset: byChannel.asset,
    payout,
    standing,
    forgetExpired: () => used.forgetBefore(Math.floor(parts.clock.now() / 1_000)),
    chainWork(request) {
      if (request.header(CUSTOMER_HEADER) !== undefined) return null;
      const payment = readExactPayment(request.header(PAYMENT_HEADER) ?? '');
      if (payment === null) return byChannel.chainWork(request);
      // It pays many times its fee; only one that is refused counts as a stranger's demand.
      return { kind: 'check', isPaidFor: false };
    },
    async admit(request) {
      const customerId = request.header(CUSTOMER_HEADER);
      if (customerId !== undefined) return admitCustomer(request, customerId);
      const payment = readExactPayment(request.header(PAYMENT_HEADER) ?? '');
      if (payment === 'malformed') return refuse(request, 'payment-malformed');
      if (payment !== null) return admitExact(request, payment);
      const admission = await byChannel.admit(request);
      return admission.kind === 'admitted' ? admission : offered(admission, request);
    },
  };
}

interface PaidInAdvance {
  readonly customerId: string;
  readonly payer: string;
  readonly hold: CustomerHold;
  readonly ceiling: Amount;
  /** Of the payment that came with the request; empty if its balance covered it. */
  readonly transaction: string;
  readonly network: string;
  readonly available: () => Amount;
}

function paidInAdvance(paid: PaidInAdvance): AdmittedPayment {
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) throw new Error('a payment is settled or canceled once');
    isOpen = false;
  };
  return {
    channelId: paid.customerId,
    payer: paid.payer,
    async settle(wanted) {
      close();
      const { charged, cumulative } = paid.hold.charge(wanted < ZERO ? ZERO : wanted);
      const paymentResponse = encodePaymentResponseHeader({
        success: true,
        transaction: paid.transaction,
        network: paid.network as `${string}:${string}`,
        payer: paid.payer,
        amount: charged.toString(),
        extra: { balance: paid.available().toString() },
      });
      return { charged, cumulative, paymentResponse };
    },
    async cancel() {
      close();
      paid.hold.release();
    },
    abandon() {
      if (isOpen) paid.hold.release();
      isOpen = false;
    },
  };
}
