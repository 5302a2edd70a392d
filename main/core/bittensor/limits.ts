/** Limits strangers before a body is received, and before a signature is verified, which takes time of the only thread. */
import type { Clock } from '../../ports/clock.ts';
import { createRateLimit } from '../rate-limit/index.ts';
import type { Visitor } from '../storefront/index.ts';

export interface AccessLimits {
  /** Counts a request. Fails with `busy`. */
  enter(visitor: Visitor): void;
  /** Call it before a body is received. Counts nothing. Fails with `busy`. */
  check(visitor: Visitor): void;
  /** Call it before a body is read for its signature, which it counts. Fails with `busy`. */
  verify(visitor: Visitor): void;
  /** Counts a signature that is wrong, or a body that didn't arrive or makes no sense. */
  failed(visitor: Visitor): void;
  /** Remembers an address from which a correct signature came. */
  proven(visitor: Visitor): void;
  /** True for such an address. */
  isProven(visitor: Visitor): boolean;
}

/** Within {@link WINDOW_MS}: requests of one address and of its subnet; signatures of all addresses without a correct one. */
const REQUESTS_MAX = 100;
const SUBNET_REQUESTS_MAX = 400;
export const UNPROVEN_MAX = 30;
const WINDOW_MS = 10_000;
/** Wrong signatures, and bodies that didn't arrive, of one address and of its subnet, within a minute. */
export const WRONG_MAX = 10;
const SUBNET_WRONG_MAX = 40;
const WRONG_WINDOW_MS = 60_000;
/** Addresses that are remembered; beyond it, the first is forgotten. */
const PROVEN_MAX = 1_000;
const ALL = 'all';

export function createAccessLimits(clock: Clock): AccessLimits {
  const limit = (eventsMax: number, windowMs: number, message: string) =>
    createRateLimit({ clock, eventsMax, windowMs, message });
  const crowded = 'Too many requests from this address or its network. See Retry-After.';
  const wrong = 'Too many wrong or incomplete requests from this address or its network. See Retry-After.';
  const requests = limit(REQUESTS_MAX, WINDOW_MS, crowded);
  const subnetRequests = limit(SUBNET_REQUESTS_MAX, WINDOW_MS, crowded);
  const mistakes = limit(WRONG_MAX, WRONG_WINDOW_MS, wrong);
  const subnetMistakes = limit(SUBNET_WRONG_MAX, WRONG_WINDOW_MS, wrong);
  const unproven = limit(UNPROVEN_MAX, WINDOW_MS, 'Too many signatures are being verified. See Retry-After.');
  const known = new Set<string>();
  const check = ({ peer, subnet }: Visitor) => {
    mistakes.check(peer);
    subnetMistakes.check(subnet);
    if (!known.has(peer)) unproven.check(ALL);
  };
  return {
    enter({ peer, subnet }) {
      requests.check(peer);
      subnetRequests.check(subnet);
      requests.note(peer);
      subnetRequests.note(subnet);
    },
    check,
    verify(visitor) {
      check(visitor);
      if (!known.has(visitor.peer)) unproven.note(ALL);
    },
    isProven: ({ peer }) => known.has(peer),
    failed({ peer, subnet }) {
      mistakes.note(peer);
      subnetMistakes.note(subnet);
    },
    proven({ peer }) {
      known.delete(peer);
      known.add(peer);
      const [first] = known;
      if (known.size > PROVEN_MAX && first !== undefined) known.delete(first);
    },
  };
}
