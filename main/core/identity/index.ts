/**
 * Who this machine is: the bond between its peer key and its payout address, as a signed offer, each key
 * signing the other's name and an expiry. The peer key signs the offer; the payout key signs the peer's name.
 */
import { AppError } from '../../../shared/errors.ts';
import { type Offer, offerSchema } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';

/** What the composition knows of an offer; the rest is identity's. */
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
  /** The terms now; an offer is signed anew as soon as they differ. */
  readonly terms: () => OfferTerms;
  /** Signs with the payout address's key; null where that key is not on this machine or locked. */
  readonly provePayout: (text: string) => Promise<string | null>;
  /** How long an offer holds. Default 10 minutes. */
  readonly lifetimeMs?: number;
}

/** The offer of this machine, always fresh. */
export interface Offers {
  current(): Promise<SignedOffer>;
}

const LIFETIME_MS = 600_000;
/** Expiries may lie this far ahead at most; clocks of home PCs are wrong by minutes. */
const LIFETIME_MS_MAX = 24 * 3_600_000;
const CLOCK_SKEW_MS_MAX = 300_000;

/** Signs offers when they are asked for: at half their life, or at once when the terms change. */
export function createOffers(options: OffersOptions): Offers {
  const { key, clock, terms, provePayout } = options;
  const lifetimeMs = options.lifetimeMs ?? LIFETIME_MS;
  let latest: { terms: string; made: Promise<SignedOffer>; renewAtMs: number } | null = null;

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
      if (latest && latest.terms === text && nowMs < latest.renewAtMs) return latest.made;
      const made = sign(current, nowMs);
      const entry = { terms: text, made, renewAtMs: nowMs + lifetimeMs / 2 };
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
  /** Whether the address signed the text (EIP-191). */
  readonly verifyPayout: (text: string, proof: string, address: string) => Promise<boolean>;
  readonly clock: Clock;
}

/**
 * The offer in a compact JWS after every check: the peer signed it, it names that peer, it holds now, and
 * the payout address, where it vouches, vouches for this peer. Fails with `bad-request`.
 */
export async function readOffer(jws: string, peer: string, checks: OfferChecks): Promise<Offer> {
  const result = offerSchema.safeParse(await checks.verifySigned(jws, peer));
  if (!result.success) throw refused('malformed', peer);
  const offer = result.data;
  const nowMs = checks.clock.now();
  if (offer.peer !== peer) throw refused('another-peer', peer);
  if (offer.expiresAtMs <= nowMs) throw refused('expired', peer);
  if (offer.issuedAtMs > nowMs + CLOCK_SKEW_MS_MAX || offer.expiresAtMs > nowMs + LIFETIME_MS_MAX)
    throw refused('not-yet', peer);
  if (offer.payoutProof !== null) {
    const text = payoutProofText(peer, offer.expiresAtMs);
    if (!(await checks.verifyPayout(text, offer.payoutProof, offer.payout)))
      throw refused('payout-proof', peer);
  }
  return offer;
}

function refused(reason: string, peer: string): AppError {
  return new AppError('bad-request', 'The offer of the peer does not hold.', { details: { reason, peer } });
}
