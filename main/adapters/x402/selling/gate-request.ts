/** Presents a paid request to x402's server: its price, its path and the one header that the server reads. */
import { encodePaymentSignatureHeader } from '@x402/core/http';
import { type Amount, amount } from '../../../../shared/money.ts';
import { CHANNEL_PATH, PAYMENT_HEADER, type PaidRequest } from '../../../ports/payments.ts';
import type { Payment } from '../wire.ts';
import type { PricedRequest } from './provider-channels.ts';

/** Price of a request to {@link CHANNEL_PATH}: a voucher must exceed the claimed total even if nothing is sold. */
const OPENING_PRICE = amount(1n);

/** True for a request that only opens, tops up, synchronizes or refunds a channel. */
export function isOpening(request: PaidRequest): boolean {
  return pathOf(request) === CHANNEL_PATH;
}

export function priceOf(request: PaidRequest): Amount {
  return request.ceiling > OPENING_PRICE ? request.ceiling : OPENING_PRICE;
}

/** Returns the request as x402's server takes it; without a payment the server responds with its requirements. */
export function contextOf(request: PaidRequest, payment: Payment | null) {
  const path = pathOf(request);
  const price = payment === null ? priceOf(request) : amount(payment.accepted.amount);
  const adapter: PricedRequest = {
    price,
    getHeader(name) {
      if (name.toLowerCase() !== PAYMENT_HEADER) return request.header(name.toLowerCase());
      return payment === null ? undefined : encodePaymentSignatureHeader(payment);
    },
    getMethod: () => request.method,
    getPath: () => path,
    getUrl: () => path,
    // Prevents the library's HTML page for browsers.
    getAcceptHeader: () => 'application/json',
    getUserAgent: () => '',
  };
  return { adapter, path, method: request.method };
}

/** Returns the payment as a plain voucher, after its deposit was made. */
export function withoutDeposit({ payload, ...rest }: Payment): Payment {
  const { channelConfig, voucher } = payload;
  return { ...rest, payload: { type: 'voucher', channelConfig, voucher } };
}

function pathOf(request: PaidRequest): string {
  return request.path.split('?')[0] ?? request.path;
}
