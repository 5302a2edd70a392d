/** Limits how often one peer may ask for what costs nothing: offers, prices, and requests that are refused. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';

export interface RequestRateLimits {
  /** Free requests of one peer per second, on average. */
  readonly freePerSecond: number;
  /** Free requests of one peer in a row. */
  readonly freeBurst: number;
}

export interface RequestRate {
  /** Counts a request; fails with `busy` if the peer has made too many. */
  take(peer: string): void;
  /** Uncounts a request that turned out to be paid for. */
  giveBack(peer: string): void;
}

interface Bucket {
  /** Requests that are left, at that time. */
  left: number;
  atMs: number;
}

/** Peers to remember at least; beyond it, those whose requests are all forgotten are removed. */
const PEERS_MIN = 1_024;

/** See {@link RequestRate}. One bucket of tokens per peer, filled by the monotonic clock. */
export function createRequestRate(clock: Clock, limits: RequestRateLimits): RequestRate {
  const { freePerSecond, freeBurst } = limits;
  const buckets = new Map<string, Bucket>();

  const leftNow = ({ left, atMs }: Bucket, nowMs: number): number =>
    Math.min(freeBurst, left + ((nowMs - atMs) * freePerSecond) / 1_000);

  function forgetFull(nowMs: number): void {
    if (buckets.size < PEERS_MIN) return;
    for (const [peer, bucket] of buckets) {
      if (leftNow(bucket, nowMs) >= freeBurst) buckets.delete(peer);
    }
  }

  return {
    take(peer) {
      const nowMs = clock.monotonic();
      const known = buckets.get(peer);
      if (known === undefined) forgetFull(nowMs);
      const left = known === undefined ? freeBurst : leftNow(known, nowMs);
      if (left < 1) {
        const retryAfterS = Math.ceil((1 - left) / freePerSecond);
        throw new AppError('busy', 'This peer sends too many requests without paying. See Retry-After.', {
          details: { retryAfterS },
        });
      }
      buckets.set(peer, { left: left - 1, atMs: nowMs });
    },
    giveBack(peer) {
      const bucket = buckets.get(peer);
      if (bucket !== undefined) bucket.left = Math.min(freeBurst, bucket.left + 1);
    },
  };
}
