/**
 * Refuses signed requests that are old, early or repeated. A nonce is the time of the signature; those in use are remembered
 * while they would still be accepted, in bounded memory: what is forgotten early can't be used again either.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';

/** Of the clients' own verifier. */
export const NONCE_AGE_MS_MAX = 10_000;
export const NONCE_SKEW_MS_MAX = 2_000;
/** Remembered nonces of one hotkey. */
export const NONCES_MAX = 1_000;

const NS_PER_MS = 1_000_000n;

export interface Nonce {
  /** Nanoseconds since 1970. */
  readonly ns: bigint;
  /** Tells requests apart that were signed in the same nanosecond; empty where the protocol has no such name. */
  readonly id: string;
}

export interface Nonces {
  /** Fails with `not-permitted`, or `busy` in the first moment of a run. Remembers nothing. */
  check(sender: string, nonce: Nonce): void;
  /** The same, and remembers it: the next call with it fails. Only for a verified signature. */
  use(sender: string, nonce: Nonce): void;
}

interface Used {
  readonly times: Map<string, bigint>;
  /** Nothing that is older than this is accepted any more, whatever the clock says later. */
  floorNs: bigint;
}

/** Senders are those that the owner allows, so their number needs no limit of its own. */
export function createNonces(clock: Pick<Clock, 'now'>): Nonces {
  const nowNs = () => BigInt(Math.floor(clock.now())) * NS_PER_MS;
  // An earlier run may have accepted what was signed until then.
  const openedNs = nowNs() + BigInt(NONCE_SKEW_MS_MAX) * NS_PER_MS + 1n;
  const bySender = new Map<string, Used>();

  function check(sender: string, { ns, id }: Nonce): void {
    const now = nowNs();
    const used = bySender.get(sender);
    if (now < openedNs) throw starting(openedNs - now);
    if (ns < now - BigInt(NONCE_AGE_MS_MAX) * NS_PER_MS || ns < (used?.floorNs ?? openedNs))
      throw refused('The request was signed too long ago. Sign it again; check the clocks.', 'stale');
    if (ns > now + BigInt(NONCE_SKEW_MS_MAX) * NS_PER_MS)
      throw refused('The request was signed in the future. Check the clocks.', 'early');
    if (used?.times.has(`${ns} ${id}`)) throw refused('This signed request was used already.', 'replayed');
  }

  return {
    check,
    use(sender, nonce) {
      check(sender, nonce);
      const used = bySender.get(sender) ?? { times: new Map(), floorNs: openedNs };
      bySender.set(sender, used);
      forgetUntil(used, nowNs() - BigInt(NONCE_AGE_MS_MAX) * NS_PER_MS);
      if (used.times.size >= NONCES_MAX) forgetUntil(used, middle([...used.times.values()]));
      used.times.set(`${nonce.ns} ${nonce.id}`, nonce.ns);
    },
  };
}

/** Forgets the nonces before this time, and this time's; from then on they are too old. */
function forgetUntil(used: Used, untilNs: bigint): void {
  for (const [key, ns] of used.times) {
    if (ns > untilNs) continue;
    used.times.delete(key);
    if (ns >= used.floorNs) used.floorNs = ns + 1n;
  }
}

function middle(values: readonly bigint[]): bigint {
  const sorted = values.toSorted((left, right) => (left < right ? -1 : 1));
  return sorted[Math.floor(sorted.length / 2)] ?? 0n;
}

/** For a moment everything that is signed now could have been used in an earlier run. */
function starting(leftNs: bigint): AppError {
  const retryAfterS = Number((leftNs + 999_999_999n) / 1_000_000_000n);
  const message = `This machine has just started. Sign the request again in ${retryAfterS} s.`;
  return new AppError('busy', message, { details: { retryAfterS } });
}

function refused(message: string, reason: string): AppError {
  return new AppError('not-permitted', message, { details: { code: `signature_${reason}` } });
}
