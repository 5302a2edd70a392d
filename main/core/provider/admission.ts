/** Who may have a slot: a bounded queue over all requesters and a quota for each. */
import { AppError } from '../../../shared/errors.ts';

export interface AdmissionLimits {
  /** Requests that may wait beyond those that the engine works on. */
  readonly waitingMax: number;
  /** Requests of one peer at once, waiting ones included. */
  readonly perPeerMax: number;
}

export interface Admission {
  /** Takes a place and gives back what frees it; fails with `busy`. */
  enter(peer: string, slots: number): () => void;
  /** Places that are taken. */
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
      if (own >= limits.perPeerMax) throw busy('You have as many requests here as one peer may have.');
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
