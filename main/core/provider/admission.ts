/** Bounds the requests that are in progress or waiting: in total and for each peer. */
import { AppError } from '../../../shared/errors.ts';

export interface AdmissionLimits {
  /** Requests that may wait in addition to those that the engine works on. */
  readonly waitingMax: number;
  /** Concurrent requests of one peer, including waiting ones. */
  readonly perPeerMax: number;
}

export interface Admission {
  /** Takes a place and returns the function that frees it; fails with `busy`. */
  enter(peer: string, slots: number): () => void;
  /** Number of places that are taken. */
  taken(): number;
}

const RETRY_AFTER_S = 2;

/** See {@link Admission}. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const perPeer = new Map<string, number>();
  let taken = 0;
  return {
    enter(peer, slots) {
      const own = perPeer.get(peer) ?? 0;
      if (own >= limits.perPeerMax)
        throw busy(`This peer has reached its limit of ${limits.perPeerMax} concurrent requests.`);
      if (taken >= slots + limits.waitingMax) throw busy('All slots and waiting places are taken.');
      taken += 1;
      perPeer.set(peer, own + 1);
      let free = false;
      return () => {
        if (free) return;
        free = true;
        taken -= 1;
        const left = (perPeer.get(peer) ?? 1) - 1;
        if (left === 0) perPeer.delete(peer);
        else perPeer.set(peer, left);
      };
    },
    taken: () => taken,
  };
}

function busy(message: string): AppError {
  return new AppError('busy', message, { details: { retryAfterS: RETRY_AFTER_S } });
}
