/** Time as the core sees it: injected, so that tests can advance it. */

export interface Timer {
  cancel(): void;
}

/** The work of a timer, synchronous or not; its result is ignored, and the clock reports its failure. */
export type TimerWork = () => unknown;

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps, for durations. */
  monotonic(): number;
  after(delayMs: number, run: TimerWork): Timer;
  every(intervalMs: number, run: TimerWork): Timer;
}

/**
 * The machine's clock. Its timers don't keep the process alive, and a failing callback can't end it: `onError` gets
 * what was thrown or rejected, and an interval continues with its next turn.
 */
export function createClock(onError: (error: unknown) => void): Clock {
  const report = (error: unknown) => {
    try {
      onError(error);
    } catch {
      // A reporter that fails has nowhere to report to.
    }
  };
  const guarded = (run: TimerWork) => () => {
    try {
      Promise.resolve(run()).catch(report);
    } catch (error) {
      report(error);
    }
  };
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs, run) {
      const handle = setTimeout(guarded(run), delayMs);
      handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
    every(intervalMs, run) {
      const handle = setInterval(guarded(run), intervalMs);
      handle.unref();
      return { cancel: () => clearInterval(handle) };
    },
  };
}

/** The machine's clock for commands, tests and tools, which keep no log: failures of timers go to stderr. */
export const systemClock: Clock = createClock((error) => {
  console.error('idlewatt: a timer failed:', error);
});
