/**
 * The storefront's payment gate: x402's `exact`, `upto` and `batch-settlement` in one 402, and prepaid balances. An exact
 * payment is collected before any work, for the request's maximum cost; what the job doesn't use stays its payer's balance,
 * and a payment that the balance covers isn't collected: its signature only shows who pays. An `upto` payment is verified
 * before the work and settled after it, for what was used, within a limit on unpaid answers.
 */
import { payerCustomerId } from '../../../../shared/customers.ts';
import { AppError } from '../../../../shared/errors.ts';
import { ZERO } from '../../../../shared/money.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CustomerAccounts } from '../../../ports/customers.ts';
import type { RecoverSigner } from '../../../ports/evm.ts';
import {
  type Admission,
  type AdmittedPayment,
  CUSTOMER_HEADER,
  type PaidRequest,
  type PaymentGate,
  type PaymentStanding,
} from '../../../ports/payments.ts';
import { paidAfterwards, paidInAdvance } from './customer-payments.ts';
import { type ExactPayment, referenceOf } from './exact-authorization.ts';
import type { ExactCollection } from './exact-collection.ts';
import { createPaymentGate } from './payment-gate.ts';
import type { ProviderChannels } from './provider-channels.ts';
import type { SaleListing } from './sale-refusals.ts';
import {
  createSaleReader,
  createSaleTerms,
  type SalePayment,
  type SaleTerms,
  signedOf,
} from './sale-terms.ts';
import type { UptoPayment } from './upto-authorization.ts';
import type { UptoCredit } from './upto-credit.ts';
import type { UptoSettlement } from './upto-settlement.ts';
import { createUsedPayments, type UsedPayments } from './used-payments.ts';

const RETRY_AFTER_S = 2;

export interface SaleGateParts {
  readonly channels: ProviderChannels;
  readonly collection: ExactCollection;
  readonly settlement: UptoSettlement;
  readonly credit: UptoCredit;
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
  const { channels, customers, clock, credit } = parts;
  const byChannel = createPaymentGate(channels);
  const { payout, store, durability } = channels.options;
  const readSale = createSaleReader();
  const used = createUsedPayments(store, durability);
  const terms = createSaleTerms({ ...parts, byChannel, isUsed: used.has, creditMost: credit.most });
  const objectionTo = (request: PricedRequest, sale: SalePayment) =>
    terms.objectionTo(sale) ?? objectionToPrice(request, sale);
  const till = createTill({ ...parts, used, terms, objectionTo });

  function standing(request: Pick<PaidRequest, 'header'>): PaymentStanding {
    const customerId = request.header(CUSTOMER_HEADER);
    if (customerId !== undefined) return customers.available(customerId) > 0n ? 'proven' : 'refused';
    const sale = readSale(request);
    if (sale === null) return byChannel.standing(request);
    if (sale === 'malformed' || terms.objectionTo(sale) !== null) return 'refused';
    return customers.available(payerCustomerId(signedOf(sale).from)) > 0n ? 'proven' : 'unproven';
  }

  return {
    asset: byChannel.asset,
    payout,
    standing,
    forgetExpired: () => used.forgetBefore(Math.floor(clock.now() / 1_000)),
    chainWork(request) {
      if (request.header(CUSTOMER_HEADER) !== undefined) return null;
      const sale = readSale(request);
      if (sale === null) return byChannel.chainWork(request);
      if (sale === 'malformed' || objectionTo(request, sale) !== null) return null;
      if (customers.available(payerCustomerId(signedOf(sale).from)) >= request.ceiling) return null;
      // It pays many times its fee; only one that is refused counts as a stranger's demand.
      return { kind: 'check', isPaidFor: false };
    },
    async admit(request) {
      const customerId = request.header(CUSTOMER_HEADER);
      if (customerId !== undefined) return till.admitCustomer(request, customerId);
      const sale = readSale(request);
      if (sale === 'malformed') return terms.refuse(request, 'payment-malformed');
      if (sale !== null) return till.admitSale(request, sale);
      const admission = await byChannel.admit(request);
      return admission.kind === 'admitted' ? admission : terms.offered(admission, request);
    },
  };
}

/** Takes the payments that aren't vouchers. */
interface Till {
  /** Pays from the payer's balance if that covers the request, otherwise by the payment itself. */
  admitSale(request: PaidRequest, sale: SalePayment): Promise<Admission>;
  admitCustomer(request: PaidRequest, customerId: string): Promise<Admission>;
}

interface TillParts extends SaleGateParts {
  readonly used: UsedPayments;
  readonly terms: SaleTerms;
  readonly objectionTo: (request: PricedRequest, sale: SalePayment) => Objection | null;
}

type PricedRequest = Pick<PaidRequest, 'ceiling'>;
type Objection = NonNullable<ReturnType<SaleTerms['objectionTo']>>;

/** Returns the reason to refuse a payment of good terms for a request of this price, or null. */
function objectionToPrice({ ceiling }: PricedRequest, { payment }: SalePayment): Objection | null {
  if (ceiling <= ZERO) return 'nothing-to-pay';
  return BigInt(payment.accepted.amount) < ceiling ? 'payment-too-small' : null;
}

function createTill(parts: TillParts): Till {
  const { channels, customers, settlement, used, credit, terms } = parts;
  const network = channels.options.network.id;
  const payerOf = (from: string) => ({
    ...{ customerId: payerCustomerId(from), payer: from.toLowerCase() },
    ...{ network, customers },
  });

  async function collect(request: PaidRequest, payment: ExactPayment): Promise<Admission> {
    const { ceiling } = request;
    const requirement = { ...terms.exact.requirementOf(ceiling), amount: payment.accepted.amount };
    const collected = await parts.collection.collect(payment, requirement);
    if (collected.kind === 'refused') return terms.refuse(request, 'payment-refused');
    if (collected.kind === 'chain-unavailable') return terms.refuse(request, 'chain-unavailable');
    const payer = payerOf(payment.authorization.from);
    const hold = customers.hold(payer.customerId, ceiling);
    if (hold === null) return terms.refuse(request, 'balance-too-small');
    return admitted(paidInAdvance({ ...payer, hold, transaction: collected.transaction }));
  }

  async function lend(request: PaidRequest, payment: UptoPayment): Promise<Admission> {
    const { ceiling } = request;
    const payer = payerOf(payment.permit.from);
    const lent = credit.open(payer.payer, ceiling, referenceOf(payment.permit));
    if (lent === null) return terms.refuse(request, 'not-on-credit');
    // The payment was compared with it; it follows the price of gas, also while the chain is asked.
    const least = terms.upto.least();
    const payable = await settlement.isPayable(payment).catch((error: unknown) => {
      lent.close();
      throw error;
    });
    if (payable === 'yes') {
      return admitted(paidAfterwards({ ...payer, payment, credit: lent, settlement, ceiling, least }));
    }
    lent.close();
    return terms.refuse(request, payable === 'no' ? 'payment-refused' : 'chain-unavailable');
  }

  /** Two EIP-2612 permits of one payer that are on their way have the same nonce, and the second one moves nothing. */
  const isPermitShared = ({ kind, payment }: SalePayment, payer: string) =>
    kind === 'upto' && payment.gasless !== null && credit.owes(payer);

  return {
    async admitSale(request, sale) {
      const objection = parts.objectionTo(request, sale);
      if (objection !== null) return terms.refuse(request, objection);
      const { ceiling } = request;
      const signed = signedOf(sale);
      const payer = payerOf(signed.from);
      const isCovered = customers.available(payer.customerId) >= ceiling;
      // It isn't used up, so that it can be sent again unchanged.
      if (!isCovered && isPermitShared(sale, payer.payer)) throw permitShared();
      used.add(signed);
      const hold = customers.hold(payer.customerId, ceiling);
      if (hold !== null) return admitted(paidInAdvance({ ...payer, hold, transaction: '' }));
      return sale.kind === 'exact' ? collect(request, sale.payment) : lend(request, sale.payment);
    },
    async admitCustomer(request, customerId) {
      const hold = customers.hold(customerId, request.ceiling);
      if (hold === null) return terms.refuse(request, 'balance-too-small');
      return admitted(
        paidInAdvance({ customerId, payer: customerId, network, customers, hold, transaction: '' }),
      );
    },
  };
}

function permitShared(): AppError {
  return new AppError(
    'busy',
    'Another answer of this payer is being paid by an EIP-2612 permit. See Retry-After.',
    { details: { retryAfterS: RETRY_AFTER_S } },
  );
}

function admitted(payment: AdmittedPayment): Admission {
  return { kind: 'admitted', payment };
}
