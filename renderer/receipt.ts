/** Decodes the payload of a receipt (compact JWS) for display. The agent has already verified it. */
import { type Receipt, receiptSchema } from '../shared/offer.ts';

/** The decoded receipt; null if the JWS has no readable payload. */
export function readReceipt(jws: string): Receipt | null {
  const payload = jws.split('.')[1];
  if (!payload) return null;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
      character.charCodeAt(0),
    );
    const parsed = receiptSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
