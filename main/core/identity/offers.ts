/** Signed offers. Each carries the binding of the peer key to the payout address, and the peers that its owner used before. */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Offer, offerSchema } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PeerKey } from '../../ports/network.ts';
import { type BindingChecks, type Bindings, CLOCK_SKEW_MS_MAX, checkBinding } from './bindings.ts';
import { checkFormerPeers } from './former-peers.ts';
import { createRenewal } from './renewal.ts';

/** The part of an offer that the composition supplies; this module adds the rest. */
export type OfferTerms = Omit<Offer, 'peer' | 'binding' | 'issuedAtMs' | 'expiresAtMs'>;

export interface SignedOffer {
  readonly offer: Offer;
  /** Compact JWS of the offer. */
  readonly jws: string;
}

export interface OffersOptions {
  readonly key: PeerKey;
  readonly clock: Clock;
  /** The current terms; when they change, the next offer is signed again. */
  readonly terms: () => OfferTerms;
  readonly bindings: Bindings;
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
/**
 * Tolerance for an offer that its peer has just sent over its own connection: it is current whatever the clocks say,
 * and the connection proves its origin. A clock that is wrong by more is no accident.
 */
export const LIVE_OFFER_CLOCK_ERROR_MS_MAX = 24 * 3_600_000;

/** Signs on demand: a new offer after half of the last one's lifetime, or immediately when the terms change. */
export function createOffers(options: OffersOptions): Offers {
  const { key, clock, terms, bindings } = options;
  const lifetimeMs = options.lifetimeMs ?? LIFETIME_MS;
  const renewal = createRenewal<SignedOffer>(clock, lifetimeMs);

  async function sign(current: OfferTerms, nowMs: number): Promise<SignedOffer> {
    const expiresAtMs = nowMs + lifetimeMs;
    const offer = offerSchema.parse({
      ...current,
      peer: key.peer,
      binding: await bindings.current(),
      issuedAtMs: nowMs,
      expiresAtMs,
    });
    return { offer, jws: await key.sign(offer) };
  }

  return {
    current() {
      const current = terms();
      return renewal(JSON.stringify(current), (nowMs) => sign(current, nowMs));
    },
  };
}

/** `clockErrorMsMax` applies to offers and bindings alike. */
export type OfferChecks = BindingChecks;

/**
 * Returns the offer in a compact JWS after every check: the peer signed it, it names that peer, it is valid now, and
 * its binding to the payout address and its former peers, if there are any, are valid. Fails with `bad-request`;
 * `details.aheadMs` is how far the offer is ahead of this machine's clock (or behind, if negative) where that is the reason.
 */
export async function readOffer(jws: string, peer: string, checks: OfferChecks): Promise<Offer> {
  const result = checkShape(offerSchema, await checks.verifySigned(jws, peer));
  if (!result.success) throw refused('malformed', peer);
  const offer = result.data;
  const nowMs = checks.clock.now();
  if (offer.peer !== peer) throw refused('another-peer', peer);
  checkLifetime(offer, nowMs, checks.clockErrorMsMax ?? 0);
  const bound = offer.binding === null ? 'bound' : await checkBinding(offer.binding, offer, checks);
  await checkFormerPeers(offer.formerPeers ?? [], peer, checks);
  // As an offer without a binding: strangers could otherwise make a provider’s offer unreadable by using up the queries to the chain.
  return bound === 'unknown' ? { ...offer, binding: null } : offer;
}

/** True if this offer is paid in this token on this chain; only such an offer may be bought from. */
export function isPayable(
  offer: Pick<Offer, 'networks' | 'asset'>,
  chain: { readonly network: string; readonly assetId: string },
): boolean {
  return offer.networks.includes(chain.network) && offer.asset.id === chain.assetId;
}

/** Refuses what a peer signed for another time than now. Fails with `bad-request`, see {@link readOffer}. */
export function checkLifetime(
  { peer, issuedAtMs, expiresAtMs }: Pick<Offer, 'peer' | 'issuedAtMs' | 'expiresAtMs'>,
  nowMs: number,
  errorMsMax: number,
): void {
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
