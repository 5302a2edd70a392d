/** Admits lines of batches where they push no live request: into free slots, and few of them into the queue. */
import { LINES_WAITING_MAX } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Admission } from './admission.ts';

export interface BatchPlaces {
  /** Fails with `busy` if a line of a batch would take a place that live requests may need. */
  check(slots: number, lane: string): void;
  /** Notes a live request. */
  noteLive(): void;
}

/** After a live request, one slot stays free for the next one for this long. */
export const LIVE_MS = 60_000;
const RETRY_AFTER_S = 2;

/** See {@link BatchPlaces}. */
export function createBatchPlaces(admission: Pick<Admission, 'taken'>, clock: Clock): BatchPlaces {
  let liveUntilMs = Number.NEGATIVE_INFINITY;
  return {
    check(slots, lane) {
      const isLive = clock.monotonic() < liveUntilMs;
      const places = isLive ? Math.max(1, slots - 1) : slots + LINES_WAITING_MAX;
      if (admission.taken(lane) < places) return;
      throw new AppError('busy', 'All places for lines of batches are taken. See Retry-After.', {
        details: { retryAfterS: RETRY_AFTER_S },
      });
    },
    noteLive() {
      liveUntilMs = clock.monotonic() + LIVE_MS;
    },
  };
}
