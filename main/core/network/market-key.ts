/** The key under which every provider of the market is found, whatever it sells. */
import { createHash } from 'node:crypto';
import { MARKET_NAME } from '../../../shared/wire.ts';

/** SHA-256 in hex. */
export const marketKey: string = createHash('sha256').update(MARKET_NAME).digest('hex');
