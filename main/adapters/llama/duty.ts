/**
 * Duty-cycle limiter: rests between compute steps so that the device is busy for only `percent` of the time. All
 * sequences rest together; otherwise they would leave the shared batch and be decoded one at a time.
 */

export interface Duty {
  /** Sets the duty cycle in percent, 1 to 100. */
  set(percent: number): void;
  /** Resolves when the rest is over or the signal aborts. */
  turn(signal: AbortSignal): Promise<void>;
  /** Runs a compute step and measures its duration. Must be called right after {@link turn}, in the same tick. */
  busy<T>(step: () => Promise<T>): Promise<T>;
}

export interface DutyClock {
  /** Milliseconds, monotonic. */
  now(): number;
  after(ms: number, then: () => void): void;
}

/** Maximum length of one rest, so that neither a new duty cycle nor the reader of a response waits longer. */
const REST_MS_MAX = 2_000;
/** Timers fire late: excess rest is deducted from the next rests, up to this. */
const CREDIT_MS_MAX = 50;

const SYSTEM: DutyClock = {
  now: () => performance.now(),
  after: (ms, then) => setTimeout(then, ms),
};

export function createDuty(clock: DutyClock = SYSTEM): Duty {
  let percent = 100;
  let computing = 0;
  let fromMs = 0;
  let restDueMs = 0;
  /** Closed from the end of the first step in a batch until all sequences have rested. */
  let gate: PromiseWithResolvers<void> | null = null;

  function open(): void {
    gate?.resolve();
    gate = null;
  }

  function rest(): void {
    const nowMs = clock.now();
    restDueMs = Math.min(REST_MS_MAX, restDueMs + ((nowMs - fromMs) * (100 - percent)) / percent);
    if (restDueMs < 1) {
      open();
      return;
    }
    clock.after(restDueMs, () => {
      restDueMs = Math.max(-CREDIT_MS_MAX, restDueMs - (clock.now() - nowMs));
      open();
    });
  }

  return {
    set(next) {
      percent = next;
    },
    async turn(signal) {
      while (gate !== null && !signal.aborted) await orAborted(gate.promise, signal);
    },
    async busy(step) {
      if (computing === 0) fromMs = clock.now();
      computing += 1;
      try {
        return await step();
      } finally {
        computing -= 1;
        if (percent < 100) gate ??= Promise.withResolvers<void>();
        if (computing === 0 && gate !== null) rest();
      }
    },
  };
}

/** Removes its listener afterwards, because the signal outlives many rests. */
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const leave = () => resolve();
  signal.addEventListener('abort', leave, { once: true });
  await Promise.race([promise, aborted]);
  signal.removeEventListener('abort', leave);
}
