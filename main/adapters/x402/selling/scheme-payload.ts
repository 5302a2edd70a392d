/** Decodes the header of a payment outside of a channel. */
import { decodePaymentSignatureHeader } from '@x402/core/http';
import type { PaymentPayload } from '@x402/core/types';
import { z } from 'zod';
import { assertFlatHeader, PAYMENT_HEADER_BYTES_MAX } from '../wire.ts';

/** A decoded header of unverified content. */
export type SchemePayload = PaymentPayload;

/** A signature of a key: of contracts, which may need a call, only the channels take payments. */
export const keySignatureSchema = z.string().regex(/^0x[0-9a-fA-F]{130}$/);

const schemeSchema = z.object({ accepted: z.object({ scheme: z.string() }) });

/** Returns the payment and its scheme; null for a header that can't be decoded. */
export function decodeScheme(
  header: string,
): { readonly scheme: string; readonly decoded: SchemePayload } | null {
  if (header.length > PAYMENT_HEADER_BYTES_MAX) return null;
  try {
    assertFlatHeader(header);
    const decoded = decodePaymentSignatureHeader(header);
    const read = schemeSchema.safeParse(decoded);
    return read.success ? { scheme: read.data.accepted.scheme, decoded } : null;
  } catch {
    // Neither base64 nor JSON: the channels' gate reports it.
    return null;
  }
}
