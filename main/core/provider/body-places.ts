/** Bounds the memory of request bodies that are being received: few at a time, and fewer without proof of payment. */
import { AppError } from '../../../shared/errors.ts';

export interface BodyLimits {
  /** Bodies that are received at the same time, with a valid voucher. */
  readonly bodiesMax: number;
  /** Such bodies of one peer. */
  readonly bodiesPerPeerMax: number;
  /** Bodies without a payment that is known to be good; in addition to the others, so that they can't displace them. */
  readonly unprovenBodiesMax: number;
  /** Such bodies of one peer. */
  readonly unprovenBodiesPerPeerMax: number;
}

export interface BodyPlaces {
  /** Takes a place and returns the function that frees it; fails with `busy`. */
  enter(peer: string, isProven: boolean): () => void;
}

const RETRY_AFTER_S = 2;

/** See {@link BodyPlaces}. */
export function createBodyPlaces(limits: BodyLimits): BodyPlaces {
  const proven = createPlaces(limits.bodiesMax, limits.bodiesPerPeerMax);
  const unproven = createPlaces(limits.unprovenBodiesMax, limits.unprovenBodiesPerPeerMax);
  return { enter: (peer, isProven) => (isProven ? proven : unproven)(peer) };
}

function createPlaces(max: number, perPeerMax: number): (peer: string) => () => void {
  const perPeer = new Map<string, number>();
  let taken = 0;
  return (peer) => {
    const own = perPeer.get(peer) ?? 0;
    if (taken >= max || own >= perPeerMax) {
      throw new AppError('busy', 'Too many request bodies are being received. See Retry-After.', {
        details: { retryAfterS: RETRY_AFTER_S },
      });
    }
    taken += 1;
    perPeer.set(peer, own + 1);
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      taken -= 1;
      const left = (perPeer.get(peer) ?? 1) - 1;
      if (left === 0) perPeer.delete(peer);
      else perPeer.set(peer, left);
    };
  };
}
