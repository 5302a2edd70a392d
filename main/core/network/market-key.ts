/** The keys under which machines of the market are found, regardless of what they sell. */
import { createHash } from 'node:crypto';
import { MARKET_NAME, RENDEZVOUS_NAME } from '../../../shared/wire.ts';

/** Every provider provides it in the market's own DHT. SHA-256 in hex. */
export const marketKey = keyOf(MARKET_NAME);
/** Every machine that others reach provides it in the public DHT, if its owner allows that. */
export const rendezvousKey = keyOf(RENDEZVOUS_NAME);

function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}
