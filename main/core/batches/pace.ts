/** The number of lines at the same time: as many as there are places, fewer after a refusal, then slowly more again. */
import type { Clock } from '../../ports/clock.ts';

export interface Pace {
  /** True if one more line may begin in addition to those that run; `places` are those that providers have. */
  hasPlace(running: number, places: number): boolean;
  /** Notes that every provider was busy while this many lines ran. */
  refused(running: number, afterMs: number): void;
  succeeded(): void;
}

/** Each line holds a request and an answer of up to about a megabyte, and a connection. */
const LINES_MAX = 32;

export function createPace(clock: Clock): Pace {
  let limit = LINES_MAX;
  let growAtMs = Number.NEGATIVE_INFINITY;
  return {
    hasPlace: (running, places) => running < Math.min(limit, places),
    refused(running, afterMs) {
      limit = Math.max(1, Math.min(limit, running - 1));
      growAtMs = clock.monotonic() + afterMs;
    },
    succeeded() {
      if (clock.monotonic() >= growAtMs) limit = Math.min(LINES_MAX, limit + 1);
    },
  };
}
