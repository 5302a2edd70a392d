/** Limits how often an event may happen per key within a sliding window, with bounded memory. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';

export interface RateLimitOptions {
  readonly clock: Clock;
  /** Events of one key within the window. */
  readonly eventsMax: number;
  readonly windowMs: number;
  /** Sentence of the refusal. */
  readonly message: string;
}

export interface RateLimit {
  /** Fails with `busy` if the key has reached the limit; `details.retryAfterS` is when its oldest event expires. */
  check(key: string): void;
  /** True if `check` would fail. */
  isReached(key: string): boolean;
  /** Counts an event. */
  note(key: string): void;
  /** Uncounts the newest event: it turned out not to count. */
  takeBack(key: string): void;
}

/** Keys that are remembered; beyond it the one without an event for the longest time is forgotten. */
const KEYS_MAX = 10_000;

/** See {@link RateLimit}. Durations come from the monotonic clock, so a changed system time doesn't matter. */
export function createRateLimit({ clock, eventsMax, windowMs, message }: RateLimitOptions): RateLimit {
  const eventsByKey = new Map<string, number[]>();
  const recent = (key: string): number[] => {
    const afterMs = clock.monotonic() - windowMs;
    return (eventsByKey.get(key) ?? []).filter((atMs) => atMs > afterMs);
  };
  return {
    check(key) {
      const events = recent(key);
      const oldest = events[0];
      if (events.length < eventsMax || oldest === undefined) return;
      const retryAfterS = Math.max(1, Math.ceil((oldest + windowMs - clock.monotonic()) / 1_000));
      throw new AppError('busy', message, { details: { retryAfterS } });
    },
    isReached: (key) => recent(key).length >= eventsMax,
    note(key) {
      const events = [...recent(key), clock.monotonic()].slice(-eventsMax);
      eventsByKey.delete(key);
      eventsByKey.set(key, events);
      const stalest = eventsByKey.size > KEYS_MAX ? eventsByKey.keys().next().value : undefined;
      if (stalest !== undefined) eventsByKey.delete(stalest);
    },
    takeBack: (key) => void eventsByKey.get(key)?.pop(),
  };
}
