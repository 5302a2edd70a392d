/** The requirements that the storefront offers for a request, and the checks of a payment for them that need no chain. */
import type { Clock } from '../../../ports/clock.ts';
import type { RecoverSigner } from '../../../ports/evm.ts';
import {
  PAYMENT_HEADER,
  type PaidRequest,
  type PaymentGate,
  type SaleRefusal,
} from '../../../ports/payments.ts';
import { EXACT, type ExactPayment, readExactPayment } from './exact-authorization.ts';
import { createExactTerms, type ExactTerms } from './exact-terms.ts';
import type { Answered } from './gate-response.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { createRecent } from './recent.ts';
import { type SaleListing, saleRefusal, withSale } from './sale-refusals.ts';
import { decodeScheme } from './scheme-payload.ts';
import { readUptoPayment, UPTO, type UptoPayment } from './upto-authorization.ts';
import { createUptoTerms, type UptoTerms } from './upto-terms.ts';

/** A payment that isn't a voucher, of valid shape. */
export type SalePayment =
  | { readonly kind: 'exact'; readonly payment: ExactPayment }
  | { readonly kind: 'upto'; readonly payment: UptoPayment };

export interface SaleTermsParts {
  readonly channels: ProviderChannels;
  /** Answers a request without a payment by the channels' requirements. */
  readonly byChannel: Pick<PaymentGate, 'admit'>;
  readonly recoverSigner: RecoverSigner;
  readonly clock: Clock;
  readonly listing: (path: string) => SaleListing;
  readonly isUsed: (reference: string) => boolean;
  /** The most that a request may cost to be paid afterwards. */
  readonly creditMost: bigint;
}

export interface SaleTerms {
  readonly exact: ExactTerms;
  readonly upto: UptoTerms;
  /** Returns the reason to refuse a payment, or null. */
  objectionTo(sale: SalePayment): SaleRefusal | 'bad-signature' | null;
  /** Adds the requirements of a sale to the channels' response. */
  offered(response: Answered, request: PaidRequest): Answered;
  refuse(
    request: PaidRequest,
    reason: SaleRefusal | 'chain-unavailable' | 'bad-signature',
  ): Promise<Answered>;
}

export function createSaleTerms(parts: SaleTermsParts): SaleTerms {
  const exact = createExactTerms(parts);
  const upto = createUptoTerms(parts);

  function offered(response: Answered, request: PaidRequest): Answered {
    const path = request.path.split('?')[0] ?? request.path;
    const { ceiling } = request;
    const requirements = [
      exact.requirementOf(ceiling),
      ...(ceiling <= parts.creditMost ? [upto.requirementOf(ceiling)] : []),
    ];
    return withSale(response, requirements, parts.listing(path));
  }

  return {
    exact,
    upto,
    objectionTo: (sale) =>
      sale.kind === 'exact' ? exact.objectionTo(sale.payment) : upto.objectionTo(sale.payment),
    offered,
    async refuse(request, reason) {
      // Without the payment, the channels' gate responds with its requirements.
      const required = await parts.byChannel.admit({ ...request, header: () => undefined });
      if (required.kind !== 'answered') throw new Error('a request without payment is never admitted');
      return saleRefusal(reason, offered(required, request));
    },
  };
}

type ReadSale = (request: Pick<PaidRequest, 'header'>) => SalePayment | 'malformed' | null;

/**
 * Returns a function that returns a request's payment, the same object for the same header; null for the payments of
 * channels, and for what isn't a payment.
 */
export function createSaleReader(): ReadSale {
  const recent = createRecent<ReturnType<ReadSale>>();
  return ({ header }) => {
    const text = header(PAYMENT_HEADER) ?? '';
    return recent(text, () => readSale(text));
  };
}

function readSale(text: string): ReturnType<ReadSale> {
  const read = decodeScheme(text);
  if (read?.scheme === EXACT) {
    const payment = readExactPayment(read.decoded);
    return payment === 'malformed' ? payment : { kind: 'exact', payment };
  }
  if (read?.scheme === UPTO) {
    const payment = readUptoPayment(read.decoded);
    return payment === 'malformed' ? payment : { kind: 'upto', payment };
  }
  return null;
}

/** The fields by which a payment is remembered: its payer, its nonce, and when it expires. */
export function signedOf(sale: SalePayment) {
  if (sale.kind === 'exact') return sale.payment.authorization;
  const { from, nonce, deadline } = sale.payment.permit;
  return { from, nonce, validBefore: deadline };
}
