/** Reads the payload of a receipt (compact JWS) for showing. The agent verified it; a page only displays it. */
import { type Receipt, receiptSchema } from '../shared/offer.ts';

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
