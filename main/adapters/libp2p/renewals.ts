/**
 * Works around a defect of retimeable-signal 1.0.1, with which libp2p's relay ends a place: its second `reset` doesn't undo
 * the first, so that a place ends one lifetime after its first renewal, and every relayed stream with it
 * (docs/upstream/retimeable-signal.md).
 */
import type { Clock, Timer } from '../../ports/clock.ts';

/** The part of the library's signal that is used here. */
export interface RetimedSignal {
  /** Aborts after this many milliseconds instead; right only for the first call. */
  reset(ms: number): void;
  /** Undoes the time that the signal was made with. */
  clear(): void;
}

export interface Renewals {
  /** Lets the signal be reset any number of times. To be called before its first reset; later calls change nothing. */
  repair(signal: RetimedSignal): void;
  /** Cancels all timers: nothing expires any more. */
  stop(): void;
}

export function createRenewals(clock: Clock): Renewals {
  const repaired = new WeakSet<RetimedSignal>();
  const timers = new Set<Timer>();
  return {
    repair(signal) {
      if (repaired.has(signal)) return;
      repaired.add(signal);
      const abortSoon = signal.reset.bind(signal);
      let timer: Timer | null = null;
      signal.reset = (ms) => {
        signal.clear();
        if (timer !== null) {
          timer.cancel();
          timers.delete(timer);
        }
        timer = clock.after(ms, () => {
          if (timer !== null) timers.delete(timer);
          abortSoon(0);
        });
        timers.add(timer);
      };
    },
    stop() {
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
