/** Responses that the payment gate gives itself, in the shape that OpenAI and x402 clients read. */

import { decodePaymentRequiredHeader } from '@x402/core/http';
import type { HTTPResponseInstructions } from '@x402/core/server';
import { PAYMENT_REQUIRED_HEADER } from '../../../../shared/wire.ts';
import { type Admission, PAYMENT_RESPONSE_HEADER, type PaymentRefusal } from '../../../ports/payments.ts';
import type { Payment } from '../wire.ts';
import { refusalMessage } from './refusals.ts';

export type Answered = Extract<Admission, { kind: 'answered' }>;

/** 200: the channel is open and funded. */
export function readyResponse(payment: Payment, paymentResponse: string): Answered {
  return {
    kind: 'answered',
    status: 200,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      [PAYMENT_RESPONSE_HEADER]: paymentResponse,
    },
    body: JSON.stringify({ channel: payment.payload.voucher.channelId.toLowerCase() }),
    reason: 'channel-ready',
  };
}

/** 200: the library refunded the channel. */
export function refundedResponse(response: HTTPResponseInstructions): Answered {
  return {
    kind: 'answered',
    status: 200,
    headers: lowerCase(response.headers),
    body: JSON.stringify(response.body ?? {}),
    reason: 'channel-refunded',
  };
}

/** 402, or 503 when the chain is unavailable; `required` is the value of the `payment-required` header. */
export function refusalResponse(reason: PaymentRefusal, required: string | undefined): Answered {
  const error = {
    message: refusalMessage(reason),
    type: reason === 'chain-unavailable' ? 'service_unavailable' : 'payment_required',
    param: null,
    code: reason,
  };
  return {
    kind: 'answered',
    status: reason === 'chain-unavailable' ? 503 : 402,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(required === undefined ? {} : { [PAYMENT_REQUIRED_HEADER]: required }),
    },
    body: JSON.stringify({ error }),
    reason,
  };
}

/** Returns the `payment-required` header of a response by the library. */
export function requiredOf(response: HTTPResponseInstructions): string | undefined {
  return lowerCase(response.headers)[PAYMENT_REQUIRED_HEADER];
}

/** Returns the library's own reason, which only the header contains. */
export function errorOf(required: string | undefined): string | undefined {
  return required === undefined ? undefined : decodePaymentRequiredHeader(required).error;
}

export function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
