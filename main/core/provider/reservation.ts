/** Keeps the machine free of jobs for a measurement: new ones are refused while it lasts. */
import { AppError } from '../../../shared/errors.ts';
import type { ActiveJobs } from './active-jobs.ts';

export interface Reservation {
  /**
   * Takes no new jobs from now on. Resolves when the running ones have ended, or after {@link RESERVE_MS_MAX}, with the
   * function that takes jobs again; rejects, and takes jobs again, if the signal aborts.
   */
  reserve(signal: AbortSignal): Promise<() => void>;
  /** Fails with `paused` while the machine is reserved. */
  check(): void;
}

/** Longest wait for the running jobs. */
const RESERVE_MS_MAX = 60_000;
/** About the time of the measurement. */
const RETRY_AFTER_S = 20;

export function createReservation(active: Pick<ActiveJobs, 'settled'>): Reservation {
  const held = new Set<symbol>();
  return {
    async reserve(signal) {
      signal.throwIfAborted();
      const own = Symbol('reservation');
      held.add(own);
      try {
        await active.settled(RESERVE_MS_MAX, signal);
      } catch (error) {
        held.delete(own);
        throw error;
      }
      return () => void held.delete(own);
    },
    check() {
      if (held.size === 0) return;
      throw new AppError('paused', 'This provider is measuring its speed. See Retry-After.', {
        details: { reason: 'measuring', retryAfterS: RETRY_AFTER_S, code: 'paused_measuring' },
      });
    },
  };
}
