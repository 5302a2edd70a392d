/** Assigns a provider's channels to requests: one request per channel, several channels concurrently. */
import { AppError } from '../../../../shared/errors.ts';
import type { Amount } from '../../../../shared/money.ts';

/** A deposit that was signed and whose outcome is unknown: sent again rather than signed a second time. */
export interface SignedDeposit {
  readonly sum: Amount;
  readonly validUntilMs: number;
  readonly payload: Record<string, unknown>;
}

/** One channel's place in the pool; its number determines the channel's salt. */
export interface Slot {
  readonly index: number;
  /** Unspent balance according to our records; null until something is known of the channel. */
  spendable: bigint | null;
  busy: boolean;
  /** The channel's balance is unknown (first use, or a deposit without a response): query the chain. */
  uncertain: boolean;
  /**
   * In this run a response or a proof confirmed our record of the charge, or the channel is new. Until then the record
   * may be older than the channel: of a restored backup, or of another machine.
   */
  chargeConfirmed: boolean;
  /** Refusals in a row; a channel that keeps failing is no longer used. */
  refusals: number;
  /** The channel is not used before this time (monotonic), while the provider still works on an earlier request. */
  notBeforeMs: number;
  signedDeposit: SignedDeposit | null;
}

export interface ChannelPool {
  /**
   * Takes the best free channel, or waits in line for one. Fails with `payment-required` when as many channels as
   * the pool may have were given up: opening yet another would only lock up more money.
   */
  take(ceiling: bigint): Promise<Slot>;
  /** Takes one channel by its number, without waiting; null when it is in use. */
  takeNumber(index: number): Slot | null;
  release(slot: Slot): void;
  /** Releases a channel that is never used again. */
  giveUp(slot: Slot): void;
}

/** Number of refusals in a row after which a channel is no longer used. */
const REFUSALS_MAX = 4;

/**
 * Creates a pool of at most `channelsMax()` channels, which may change; numbers of channels that were given up are not used again. `now` is
 * monotonic.
 */
export function createChannelPool(
  channelsMax: () => number,
  now: () => number,
  later: (delayMs: number, run: () => void) => void,
): ChannelPool {
  const slots: Slot[] = [];
  const waiting: { ceiling: bigint; resolve: (slot: Slot) => void; reject: (error: AppError) => void }[] = [];

  function pick(ceiling: bigint): Slot | null {
    const usable = slots.filter((slot) => slot.refusals < REFUSALS_MAX);
    const free = usable.filter((slot) => !slot.busy && slot.notBeforeMs <= now());
    const funded = free.find((slot) => slot.spendable !== null && slot.spendable >= ceiling);
    // A channel whose balance is used up is topped up before another one is opened.
    const chosen = funded ?? free[0] ?? (usable.length < channelsMax() ? open() : null);
    if (chosen !== null) chosen.busy = true;
    return chosen;
  }

  function open(): Slot {
    const slot = {
      index: slots.length,
      spendable: null,
      busy: false,
      // An earlier run may have ended before the response to its last deposit.
      uncertain: true,
      chargeConfirmed: false,
      refusals: 0,
      notBeforeMs: 0,
      signedDeposit: null,
    };
    slots.push(slot);
    return slot;
  }

  function serve(): void {
    if (slots.filter((slot) => slot.refusals >= REFUSALS_MAX).length >= channelsMax()) {
      const error = new AppError('payment-required', 'The provider keeps refusing our payments.');
      for (const { reject } of waiting.splice(0)) reject(error);
    }
    for (;;) {
      const next = waiting[0];
      const slot = next === undefined ? null : pick(next.ceiling);
      if (next === undefined || slot === null) return;
      waiting.shift();
      next.resolve(slot);
    }
  }

  function release(slot: Slot): void {
    slot.busy = false;
    const waitMs = slot.notBeforeMs - now();
    if (waitMs > 0) later(waitMs, serve);
    serve();
  }

  return {
    take(ceiling) {
      return new Promise((resolve, reject) => {
        waiting.push({ ceiling, resolve, reject });
        serve();
      });
    },
    takeNumber(index) {
      while (slots.length <= index) open();
      const slot = slots[index];
      if (slot === undefined || slot.busy) return null;
      slot.busy = true;
      return slot;
    },
    release,
    giveUp(slot) {
      slot.refusals = REFUSALS_MAX;
      release(slot);
    },
  };
}
