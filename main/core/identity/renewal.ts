/** Keeps a signed statement of this machine valid: it is signed on demand, and again after half of its lifetime. */
import type { Clock } from '../../ports/clock.ts';

/** Returns the latest statement if it is about these terms and far from its expiry; otherwise signs a new one. */
export type Renewal<Signed> = (terms: string, sign: (nowMs: number) => Promise<Signed>) => Promise<Signed>;

export function createRenewal<Signed>(clock: Clock, lifetimeMs: number): Renewal<Signed> {
  let latest: {
    readonly terms: string;
    readonly signed: Promise<Signed>;
    readonly signedAtMs: number;
    readonly renewAtMs: number;
  } | null = null;
  return (terms, sign) => {
    const nowMs = clock.now();
    const isCurrent =
      latest !== null &&
      latest.terms === terms &&
      clock.monotonic() < latest.renewAtMs &&
      // Set back or forward since: the statement would be from the future, or expired.
      Math.abs(nowMs - latest.signedAtMs) < lifetimeMs / 2;
    if (latest !== null && isCurrent) return latest.signed;
    const signed = sign(nowMs);
    const entry = { terms, signed, signedAtMs: nowMs, renewAtMs: clock.monotonic() + lifetimeMs / 2 };
    latest = entry;
    signed.catch(() => {
      if (latest === entry) latest = null;
    });
    return signed;
  };
}
