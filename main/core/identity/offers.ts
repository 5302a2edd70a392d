/**
 * Signed offers, which bind this machine's peer key and its payout address to each other: each key signs the other's
 * name and an expiry. The peer key signs the offer; the payout key signs the peer ID.
 */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Offer, offerSchema } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';

/** The part of an offer that the composition supplies; this module adds the rest. */
export type OfferTerms = Omit<Offer, 'peer' | 'payoutProof' | 'issuedAtMs' | 'expiresAtMs'>;

export interface SignedOffer {
  readonly offer: Offer;
  /** Compact JWS of the offer. */
  readonly jws: string;
}

/** The text that the payout address's key signs (EIP-191). `untilMs`: milliseconds since the epoch. */
export function payoutProofText(peer: string, untilMs: number): string {
  return `Idlewatt peer ${peer} until ${untilMs}`;
}

export interface OffersOptions {
  readonly key: PeerKey;
  readonly clock: Clock;
  /** The current terms; when they change, the next offer is signed again. */
  readonly terms: () => OfferTerms;
  /** Signs with the payout address's key; null if that key is not on this machine or is locked. */
  readonly provePayout: (text: string) => Promise<string | null>;
  /** Validity of an offer. Default 10 minutes. */
  readonly lifetimeMs?: number;
}

/** The offer of this machine, always valid and with the current terms. */
export interface Offers {
  current(): Promise<SignedOffer>;
}

export const LIFETIME_MS = 600_000;
/** Maximum time until an expiry. */
export const LIFETIME_MS_MAX = 24 * 3_600_000;
/** Tolerance for an issue time in the future: clocks of home PCs are wrong by minutes. */
export const CLOCK_SKEW_MS_MAX = 300_000;
/**
 * Tolerance for an offer that its peer has just sent over its own connection: it is current whatever the clocks say,
 * and the connection proves its origin. A clock that is wrong by more is no accident.
 */
export const LIVE_OFFER_CLOCK_ERROR_MS_MAX = 24 * 3_600_000;

/** Signs on demand: a new offer after half of the last one's lifetime, or immediately when the terms change. */
export function createOffers(options: OffersOptions): Offers {
  const { key, clock, terms, provePayout } = options;
  const lifetimeMs = options.lifetimeMs ?? LIFETIME_MS;
  let latest: { terms: string; made: Promise<SignedOffer>; signedAtMs: number; renewAtMs: number } | null =
    null;

  async function sign(current: OfferTerms, nowMs: number): Promise<SignedOffer> {
    const expiresAtMs = nowMs + lifetimeMs;
    const payoutProof = await provePayout(payoutProofText(key.peer, expiresAtMs));
    const offer = offerSchema.parse({
      ...current,
      peer: key.peer,
      payoutProof,
      issuedAtMs: nowMs,
      expiresAtMs,
    });
    return { offer, jws: await key.sign(offer) };
  }

  return {
    current() {
      const nowMs = clock.now();
      const current = terms();
      const text = JSON.stringify(current);
      const isCurrent =
        latest !== null &&
        latest.terms === text &&
        clock.monotonic() < latest.renewAtMs &&
        // Set back or forward since: the offer would be from the future, or expired.
        Math.abs(nowMs - latest.signedAtMs) < lifetimeMs / 2;
      if (latest !== null && isCurrent) return latest.made;
      const made = sign(current, nowMs);
      const renewAtMs = clock.monotonic() + lifetimeMs / 2;
      const entry = { terms: text, made, signedAtMs: nowMs, renewAtMs };
      latest = entry;
      made.catch(() => {
        if (latest === entry) latest = null;
      });
      return made;
    },
  };
}

export interface OfferChecks {
  readonly verifySigned: VerifySigned;
  /** True if the address signed the text (EIP-191). */
  readonly verifyPayout: (text: string, proof: string, address: string) => Promise<boolean>;
  readonly clock: Clock;
  /** Error of either clock that is tolerated. Default: none at the expiry, five minutes at the issue time. */
  readonly clockErrorMsMax?: number;
}

/**
 * Returns the offer in a compact JWS after every check: the peer signed it, it names that peer, it is valid now, and
 * the proof of the payout address, if there is one, is for this peer. Fails with `bad-request`; `details.aheadMs` says
 * how far the offer is ahead of this machine's clock (or behind, if negative) where that is the reason.
 */
export async function readOffer(jws: string, peer: string, checks: OfferChecks): Promise<Offer> {
  const result = checkShape(offerSchema, await checks.verifySigned(jws, peer));
  if (!result.success) throw refused('malformed', peer);
  const offer = result.data;
  const nowMs = checks.clock.now();
  if (offer.peer !== peer) throw refused('another-peer', peer);
  checkTimes(offer, nowMs, checks.clockErrorMsMax ?? 0);
  if (offer.payoutProof !== null) {
    const text = payoutProofText(peer, offer.expiresAtMs);
    if (!(await checks.verifyPayout(text, offer.payoutProof, offer.payout)))
      throw refused('payout-proof', peer);
  }
  return offer;
}

/** True if this offer is paid in this token on this chain; only such an offer may be bought from. */
export function isPayable(
  offer: Offer,
  chain: { readonly network: string; readonly assetId: string },
): boolean {
  return offer.networks.includes(chain.network) && offer.asset.id === chain.assetId;
}

function checkTimes({ peer, issuedAtMs, expiresAtMs }: Offer, nowMs: number, errorMsMax: number): void {
  if (expiresAtMs - issuedAtMs > LIFETIME_MS_MAX) throw refused('not-yet', peer);
  const aheadMs = clockDifferenceMs({ issuedAtMs, expiresAtMs }, nowMs);
  if (expiresAtMs + errorMsMax <= nowMs) throw refused('expired', peer, { aheadMs });
  if (issuedAtMs > nowMs + Math.max(errorMsMax, CLOCK_SKEW_MS_MAX))
    throw refused('not-yet', peer, { aheadMs });
}

/**
 * Returns by how much the clock of a peer is ahead of `nowMs` (negative: behind) at least, if the peer has just sent
 * this offer; 0 if the difference is too small to see.
 */
export function clockDifferenceMs(
  { issuedAtMs, expiresAtMs }: Pick<Offer, 'issuedAtMs' | 'expiresAtMs'>,
  nowMs: number,
): number {
  if (issuedAtMs > nowMs + CLOCK_SKEW_MS_MAX) return issuedAtMs - nowMs;
  return expiresAtMs < nowMs - CLOCK_SKEW_MS_MAX ? expiresAtMs - nowMs : 0;
}

function refused(reason: string, peer: string, facts: { readonly aheadMs?: number } = {}): AppError {
  return new AppError('bad-request', `The peer’s offer is invalid (${reason}).`, {
    details: { reason, peer, ...facts },
  });
}
