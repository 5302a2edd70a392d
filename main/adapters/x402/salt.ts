/** A channel's salt, from names that both keys' owner knows. */
import { createHash } from 'node:crypto';
import type { Hex } from '../../ports/evm.ts';

/** Different for each session key, provider and number; the same on every machine. */
export function channelSalt(session: string, peer: string, index: number): Hex {
  const text = `idlewatt channel ${session.toLowerCase()} ${peer} ${index}`;
  return `0x${createHash('sha256').update(text).digest('hex')}`;
}
