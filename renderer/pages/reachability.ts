/** Decides from this machine's addresses, their tests, and from who has connected, which machines can connect to it. */
import type { AgentState } from '../../shared/api/state.ts';

export type Reachability =
  | 'none'
  | 'this-computer'
  | 'local-network'
  | 'relayed'
  | 'public-address'
  | 'proven';

const PRIVATE = /^\/ip4\/(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.)|^\/ip6\/f[cde]/i;
const LOOPBACK = /^\/ip4\/127\.|^\/ip6\/::1\//;
/** An address at a relay begins with the relay's own. */
const RELAYED = /\/p2p-circuit\b/;

export function reachabilityOf({
  addresses,
  isReachedFromOutside,
  ways,
}: Pick<AgentState['network'], 'addresses' | 'isReachedFromOutside' | 'ways'>): Reachability {
  if (isReachedFromOutside || ways?.addresses.some(({ result }) => result === 'reached')) return 'proven';
  if (addresses.length === 0) return 'none';
  const outside = addresses.filter((address) => !LOOPBACK.test(address));
  if (outside.length === 0) return 'this-computer';
  const strangers = outside.filter((address) => !PRIVATE.test(address));
  if (strangers.some((address) => !RELAYED.test(address))) return 'public-address';
  return strangers.length > 0 ? 'relayed' : 'local-network';
}
