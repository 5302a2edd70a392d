/** Applies the statements about its owner's keys in a verified offer to this buyer's experience. */
import { AppError } from '../../../shared/errors.ts';
import type { Offer } from '../../../shared/offer.ts';
import type { Experience } from './experience.ts';

/** Returns the offer. Fails with `bad-request` if its peer's owner uses another key: somebody else may have this one. */
export function noteIdentity(
  experience: Pick<Experience, 'noteBound' | 'retire' | 'isRetired'>,
  offer: Offer,
): Offer {
  const { peer, payout, binding, formerPeers = [] } = offer;
  if (experience.isRetired(peer)) {
    throw new AppError('bad-request', 'The owner of this peer uses another key now.', {
      details: { reason: 'retired', peer },
    });
  }
  if (binding !== null) experience.noteBound(peer, payout);
  for (const former of formerPeers) experience.retire(former);
  return offer;
}
