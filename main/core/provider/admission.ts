/** Bounds the requests that are in progress or waiting: of each lane, which is a model, and of each peer. */
import { AppError } from '../../../shared/errors.ts';

export interface AdmissionLimits {
  /** Requests that may wait in addition to those that the engine works on. */
  readonly waitingMax: number;
  /** Concurrent requests of one peer, including waiting ones. */
  readonly perPeerMax: number;
}

/** Queue in which a request takes a place: that of its model, whose engine has this many slots. */
export interface Places {
  readonly slots: number;
  readonly lane: string;
}

export interface Admission {
  /** Takes a place and returns the function that frees it; fails with `busy`. */
  enter(peer: string, places: Places): () => void;
  /** Number of the lane's places that are taken. */
  taken(lane: string): number;
}

const RETRY_AFTER_S = 2;

/** See {@link Admission}. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const perPeer = new Map<string, number>();
  const perLane = new Map<string, number>();
  return {
    enter(peer, { slots, lane }) {
      const own = perPeer.get(peer) ?? 0;
      if (own >= limits.perPeerMax)
        throw busy(`This peer has reached its limit of ${limits.perPeerMax} concurrent requests.`);
      if ((perLane.get(lane) ?? 0) >= slots + limits.waitingMax)
        throw busy('All slots and waiting places are taken.');
      change(perLane, lane, 1);
      change(perPeer, peer, 1);
      let free = false;
      return () => {
        if (free) return;
        free = true;
        change(perLane, lane, -1);
        change(perPeer, peer, -1);
      };
    },
    taken: (lane) => perLane.get(lane) ?? 0,
  };
}

function change(counts: Map<string, number>, name: string, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}

function busy(message: string): AppError {
  return new AppError('busy', message, { details: { retryAfterS: RETRY_AFTER_S } });
}
