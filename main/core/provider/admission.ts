/**
 * Bounds the requests that are in progress or waiting: of each lane, which is a model, of each peer, and of each subnet,
 * because peer IDs cost nothing.
 */
import { AppError } from '../../../shared/errors.ts';

export interface AdmissionLimits {
  /** Requests that may wait in addition to those that the engine works on. */
  readonly waitingMax: number;
  /** Concurrent requests of one peer, including waiting ones. */
  readonly perPeerMax: number;
  /** The same of all peers of one subnet. Absent: no limit. */
  readonly perSubnetMax?: number;
  /** Waiting places of a lane for those that have none in it. Absent: none. */
  readonly reservedWaiting?: number;
}

/** A requester that asks for a place. */
export interface Asking {
  readonly peer: string;
  /** Null where the peer's address isn't known, for example over a relay. */
  readonly subnet: string | null;
}

/** Queue in which a request takes a place: that of its model, whose engine has this many slots. */
export interface Places {
  readonly slots: number;
  readonly lane: string;
  /** See `rankOf` in preference.ts. Default: 0. */
  readonly rank?: number;
}

export interface Admission {
  /** Takes a place and returns the function that frees it; fails with `busy`. */
  enter(asking: Asking, places: Places): () => void;
  /** Number of the lane's places that are taken; with a rank, by requests of this rank and lower ones. */
  taken(lane: string, rank?: number): number;
}

const RETRY_AFTER_S = 2;

/** See {@link Admission}. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const perPeer = new Map<string, number>();
  const perSubnet = new Map<string, number>();
  const perLane = new Map<string, number>();
  const perRank = new Map<string, number>();
  /** Places of each peer and each subnet in each lane. */
  const shares = new Map<string, number>();
  return {
    enter({ peer, subnet }, { slots, lane, rank = 0 }) {
      const own = perPeer.get(peer) ?? 0;
      if (own >= limits.perPeerMax)
        throw busy(`This peer has reached its limit of ${limits.perPeerMax} concurrent requests.`);
      const sameSubnetMax = limits.perSubnetMax ?? Number.POSITIVE_INFINITY;
      if (subnet !== null && (perSubnet.get(subnet) ?? 0) >= sameSubnetMax)
        throw busy(`Peers of one subnet have reached their limit of ${sameSubnetMax} concurrent requests.`);
      const taken = perLane.get(lane) ?? 0;
      const places = slots + limits.waitingMax;
      if (taken >= places) throw busy('All slots and waiting places are taken.');
      const sharers = [`peer ${peer}`, ...(subnet === null ? [] : [`subnet ${subnet}`])];
      const shareKeys = sharers.map((sharer) => `${sharer} ${lane}`);
      const isFirst = shareKeys.every((key) => !shares.has(key));
      if (!isFirst && taken >= places - (limits.reservedWaiting ?? 0))
        throw busy('The last waiting places are for others. Wait for your requests in progress.');
      const changeAll = (by: 1 | -1) => {
        change(perLane, lane, by);
        change(perRank, rankKey(lane, rank), by);
        change(perPeer, peer, by);
        if (subnet !== null) change(perSubnet, subnet, by);
        for (const key of shareKeys) change(shares, key, by);
      };
      changeAll(1);
      let free = false;
      return () => {
        if (free) return;
        free = true;
        changeAll(-1);
      };
    },
    taken(lane, rank) {
      if (rank === undefined) return perLane.get(lane) ?? 0;
      const ranks = Array.from({ length: rank + 1 }, (_, each) => perRank.get(rankKey(lane, each)) ?? 0);
      return ranks.reduce((sum, count) => sum + count, 0);
    },
  };
}

/** Takes a place for each choice, since each needs a slot of the engine. Returns as `enter` does; takes all or none. */
export function enterChoices(
  admission: Admission,
  asking: Asking,
  places: Places,
  choices: number,
): () => void {
  const leaves: (() => void)[] = [];
  const leave = () => {
    for (const each of leaves) each();
  };
  try {
    for (let choice = 0; choice < choices; choice += 1) leaves.push(admission.enter(asking, places));
  } catch (error) {
    leave();
    throw error;
  }
  return leave;
}

function rankKey(lane: string, rank: number): string {
  return `${rank} ${lane}`;
}

function change(counts: Map<string, number>, name: string, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}

function busy(message: string): AppError {
  return new AppError('busy', message, { details: { retryAfterS: RETRY_AFTER_S } });
}
