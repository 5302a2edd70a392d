/**
 * The time that a provider may be silent before another one is asked: relative to what is expected of it, with a floor and
 * a ceiling. It watches tokens, never connections. Pure, but for the clock.
 */
import type { OfferedModel } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Known } from '../reputation/index.ts';

const FIRST_TOKEN_MS_MIN = 2_000;
const FIRST_TOKEN_MS_MAX = 60_000;
/** For a provider of which nothing is measured. */
const FIRST_TOKEN_MS_UNKNOWN = 5_000;
/** Deviations above the mean at which a token is late, as for a retransmission in TCP (RFC 6298). */
const DEVIATIONS = 4;
/** Announced durations are exceeded by this factor before they count as late. */
const SLACK = 2;

/** Returns the time from the request to the first token after which it is late. */
export function firstTokenLimitMs(
  known: Pick<Known, 'firstTokenMs' | 'roundTripMs'>,
  model: Pick<OfferedModel, 'loadMs' | 'prefillTokensPerSecond'>,
  inputTokens: number,
): number {
  const { firstTokenMs, roundTripMs } = known;
  const usual =
    firstTokenMs === null
      ? FIRST_TOKEN_MS_UNKNOWN + (roundTripMs ?? 0)
      : Math.max(firstTokenMs.mean * SLACK, firstTokenMs.mean + DEVIATIONS * firstTokenMs.deviation);
  const { loadMs = 0, prefillTokensPerSecond } = model;
  const reading = prefillTokensPerSecond ? (inputTokens * 1_000) / prefillTokensPerSecond : 0;
  const limit = usual + SLACK * (loadMs + reading);
  return Math.min(FIRST_TOKEN_MS_MAX, Math.max(FIRST_TOKEN_MS_MIN, limit));
}

const SILENCE_MS_MIN = 1_500;
const SILENCE_MS_MAX = 15_000;
/** Usual gaps without a token that count as silence, and the same of the longest one. */
const USUAL_GAPS = 20;
const LONGEST_GAPS = 4;

/** Watches the gaps between the tokens of one provider's answer. */
export interface Silence {
  /** Notes that tokens have arrived. */
  heard(): void;
  /** Notes a false alarm: the next one comes later. */
  wasFalse(): void;
  /** Time without a token that counts as silence now. */
  limitMs(): number;
}

export function createSilence(clock: Pick<Clock, 'monotonic'>): Silence {
  let lastMs = clock.monotonic();
  let gaps = 0;
  let sumMs = 0;
  let longestMs = 0;
  let patience = 1;
  return {
    heard() {
      const nowMs = clock.monotonic();
      const gapMs = nowMs - lastMs;
      lastMs = nowMs;
      gaps += 1;
      sumMs += gapMs;
      longestMs = Math.max(longestMs, gapMs);
    },
    wasFalse() {
      patience *= 2;
    },
    limitMs() {
      const usualMs = gaps === 0 ? 0 : sumMs / gaps;
      const limit = Math.max(SILENCE_MS_MIN, usualMs * USUAL_GAPS, longestMs * LONGEST_GAPS);
      return Math.min(SILENCE_MS_MAX, limit) * patience;
    },
  };
}

/** The one second provider that a request may have at the same time as its first. */
export interface Hedge {
  /** Takes the permission; false if it was taken before. */
  take(): boolean;
}

export function createHedge(): Hedge {
  let isLeft = true;
  return {
    take() {
      const wasLeft = isLeft;
      isLeft = false;
      return wasLeft;
    },
  };
}

/**
 * Limits hedges over all requests: where everything is late, a second request for each would double the load that makes
 * them late.
 */
export interface HedgeShare {
  /** Counts a request. */
  counted(): void;
  take(): boolean;
}

/** One hedge for this many requests, and as many saved up at most; a gateway starts with a few. */
const REQUESTS_PER_HEDGE = 10;
const HEDGES_SAVED_MAX = 10;
const HEDGES_AT_START = 3;

export function createHedgeShare(): HedgeShare {
  let saved = HEDGES_AT_START;
  return {
    counted() {
      saved = Math.min(HEDGES_SAVED_MAX, saved + 1 / REQUESTS_PER_HEDGE);
    },
    take() {
      if (saved < 1) return false;
      saved -= 1;
      return true;
    },
  };
}
