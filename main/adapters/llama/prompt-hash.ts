/** Identifies a prompt by its tokens, as a receipt does. */
import { createHash } from 'node:crypto';
import { tokenBytes } from '../../../shared/offer.ts';

/** See `promptHash` in shared/applied-sampling.ts. */
export function promptHash(tokens: readonly number[]): string {
  return createHash('sha256').update(tokenBytes(tokens)).digest('hex');
}
