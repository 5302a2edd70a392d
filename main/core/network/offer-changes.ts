/**
 * Tells the market when this machine's offer has changed, so that buyers need not ask every few seconds. A hint says only
 * that there is something new; how often it is sent is limited, because each one reaches every buyer of the model.
 */
import type { Clock, Timer } from '../../ports/clock.ts';
import type { OfferHints } from '../../ports/network.ts';

/** The part of an offer that buyers have to learn of immediately. */
export interface OfferedNow {
  /** A text that changes when the offer does. */
  readonly terms: string;
  readonly shards: ReadonlySet<string>;
}

export interface OfferChangesParts {
  readonly hints: Pick<OfferHints, 'publish'>;
  readonly clock: Clock;
  /** Returns what is offered now. */
  readonly offered: () => OfferedNow;
}

/** Several changes within this time are one. */
export const SETTLE_MS = 200;
/** From one hint to the next; the last change is never left out. */
export const HINT_EVERY_MS_MIN = 10_000;
/** For changes without an event, such as a price that follows the hour. */
const CHECK_EVERY_MS = 30_000;

export interface OfferChanges {
  /** To be called when the offer may have changed. */
  check(): void;
  stop(): void;
}

/** Watches from now on; the offer of this moment is no change. */
export function watchOffer({ hints, clock, offered }: OfferChangesParts): OfferChanges {
  let told = offered();
  let toldAtMs: number | null = null;
  let timer: Timer | null = null;

  function check(): void {
    if (timer !== null || offered().terms === told.terms) return;
    const waitMs = toldAtMs === null ? 0 : toldAtMs + HINT_EVERY_MS_MIN - clock.monotonic();
    timer = clock.after(Math.max(SETTLE_MS, waitMs), tell);
  }

  function tell(): void {
    timer = null;
    const before = told;
    const now = offered();
    if (now.terms === before.terms) return;
    told = now;
    toldAtMs = clock.monotonic();
    // Buyers of a model that is no longer offered have to learn that, too.
    void hints.publish(new Set([...before.shards, ...now.shards]));
  }

  const checking = clock.every(CHECK_EVERY_MS, check);
  return {
    check,
    stop() {
      checking.cancel();
      timer?.cancel();
    },
  };
}
