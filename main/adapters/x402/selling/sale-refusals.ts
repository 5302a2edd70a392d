/** Responses of the storefront's gate: its 402 offers every scheme and what it sells, in the form that x402 clients read. */
import { decodePaymentRequiredHeader, encodePaymentRequiredHeader } from '@x402/core/http';
import { PAYMENT_REQUIRED_HEADER } from '../../../../shared/wire.ts';
import type { PaymentRefusal, SaleRefusal } from '../../../ports/payments.ts';
import { type Answered, refusalResponse } from './gate-response.ts';
import { refusalMessage } from './refusals.ts';
import { GASLESS_PERMIT, UPTO } from './upto-authorization.ts';

/** Describes the service to clients and to those that list services. */
export interface SaleListing {
  /** Full address of the path. */
  readonly url: string;
  readonly description: string;
  readonly mimeType: string;
  /** At most 32 characters of ASCII. */
  readonly serviceName: string;
  /** At most 5. */
  readonly tags: readonly string[];
  /** Extensions of x402, by name. */
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** One entry of `accepts`. */
export interface Requirement {
  readonly scheme: string;
  readonly network: `${string}:${string}`;
  readonly amount: string;
  readonly asset: string;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly extra: Record<string, unknown>;
}

const SENTENCES: Readonly<Record<SaleRefusal, string>> = {
  'payment-malformed': 'Invalid payment header. Send an x402 version 2 payment as base64 JSON.',
  'other-terms': 'The payment is for another receiver, token, chain or amount. Use the offered requirements.',
  'payment-too-small': 'The payment doesn’t cover the maximum cost of this request. Sign a larger amount.',
  'payment-used': 'This payment was already used. Sign a new one.',
  'nothing-to-pay': 'This request costs nothing. Send a payment with a request for an answer.',
  'payment-expired': 'The payment isn’t valid at this time. Check your clock and sign a new one.',
  'payment-refused': 'The payment could not be collected. Check the payer’s balance and sign a new one.',
  'not-on-credit': 'This request can’t be paid afterwards now. Use the scheme exact or batch-settlement.',
  'balance-too-small': 'The balance of this API key doesn’t cover the maximum cost of this request.',
};

/** Tells clients of `upto` that they may include an EIP-2612 permit. */
const PERMIT_ACCEPTED = {
  info: { description: 'EIP-2612 permits for Permit2 are accepted.', version: '1' },
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: Object.fromEntries(
      ['from', 'asset', 'spender', 'amount', 'nonce', 'deadline', 'signature', 'version'].map((name) => [
        name,
        { type: 'string' },
      ]),
    ),
  },
};

/** Adds these requirements, before the channels' own, and the listing to the channels' response. */
export function withSale(
  response: Answered,
  requirements: readonly Requirement[],
  listing: SaleListing,
): Answered {
  const header = response.headers[PAYMENT_REQUIRED_HEADER];
  if (header === undefined) return response;
  const required = decodePaymentRequiredHeader(header);
  const { extensions, ...resource } = listing;
  const offered = {
    ...required,
    resource: { ...resource, tags: [...resource.tags] },
    accepts: [...requirements, ...required.accepts],
    extensions: {
      ...required.extensions,
      ...extensions,
      ...(requirements.some(({ scheme }) => scheme === UPTO) && { [GASLESS_PERMIT]: PERMIT_ACCEPTED }),
    },
  };
  const headers = { ...response.headers, [PAYMENT_REQUIRED_HEADER]: encodePaymentRequiredHeader(offered) };
  return { ...response, headers };
}

/** The channels' 402, with another reason. */
export function saleRefusal(reason: SaleRefusal | PaymentRefusal, required: Answered): Answered {
  const header = required.headers[PAYMENT_REQUIRED_HEADER];
  if (!isSaleRefusal(reason)) return refusalResponse(reason, header);
  const error = { message: SENTENCES[reason], type: 'payment_required', param: null, code: reason };
  return { ...required, body: JSON.stringify({ error }), reason };
}

export function isSaleRefusal(reason: string): reason is SaleRefusal {
  return Object.hasOwn(SENTENCES, reason);
}

/** Returns the sentence for a refusal, for people. */
export function saleMessage(reason: SaleRefusal | PaymentRefusal): string {
  return isSaleRefusal(reason) ? SENTENCES[reason] : refusalMessage(reason);
}
