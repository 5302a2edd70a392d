/** The signed terms of a relay that charges: made by the relay, read by the machines that choose among relays. */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { type RelayTerms, relayTermsSchema } from '../../../shared/relaying.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';
import { checkLifetime, createRenewal } from '../identity/index.ts';

/** The part of the terms that the composition supplies. */
export type RelayOffer = Omit<RelayTerms, 'peer' | 'issuedAtMs' | 'expiresAtMs'>;

/** A raised price reaches the machines that have places with their next payment, even if they have read the old one. */
const LIFETIME_MS = 600_000;

/** Returns a function that returns the current terms as a compact JWS. */
export function createRelayTerms(
  key: Pick<PeerKey, 'peer' | 'sign'>,
  clock: Clock,
  offer: () => RelayOffer,
): () => Promise<string> {
  const renewal = createRenewal<string>(clock, LIFETIME_MS);
  return () => {
    const current = offer();
    return renewal(JSON.stringify(current), (nowMs) =>
      key.sign(
        relayTermsSchema.parse({
          ...current,
          peer: key.peer,
          issuedAtMs: nowMs,
          expiresAtMs: nowMs + LIFETIME_MS,
        }),
      ),
    );
  };
}

export interface RelayTermsChecks {
  readonly verifySigned: VerifySigned;
  readonly clock: Clock;
  /** Tolerated difference of the clocks. */
  readonly clockErrorMsMax: number;
}

/** Returns the terms that the relay has signed and that are valid now. Fails with `bad-request`. */
export async function readRelayTerms(
  jws: string,
  relay: string,
  checks: RelayTermsChecks,
): Promise<RelayTerms> {
  const result = checkShape(relayTermsSchema, await checks.verifySigned(jws, relay));
  if (!result.success || result.data.peer !== relay) {
    throw new AppError('bad-request', 'The relay’s terms are invalid.', { details: { peer: relay } });
  }
  checkLifetime(result.data, checks.clock.now(), checks.clockErrorMsMax);
  return result.data;
}
