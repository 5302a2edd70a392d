/**
 * Rests between steps of computing, so that the device is busy for a share of the time only. All answers rest together:
 * one that computed while another rested would take it out of their common batch, and the device would make their
 * tokens one by one.
 */

export interface Duty {
  /** In percent, 1 to 100. */
  set(percent: number): void;
  /** Resolves when it is time to compute, or the signal aborts. */
  turn(signal: AbortSignal): Promise<void>;
  /** Counts as computing, from its call until it ends. To be called right after {@link turn}, in the same tick. */
  busy<T>(step: () => Promise<T>): Promise<T>;
}

export interface DutyClock {
  /** Milliseconds, monotonic. */
  now(): number;
  after(ms: number, then: () => void): void;
}

/** A rest in one piece is no longer: a new duty, and an answer's reader, wait no longer than this. */
const REST_MS_MAX = 2_000;
/** A timer ends late; what was rested too long is taken off the next rests, up to this. */
const CREDIT_MS_MAX = 50;

const SYSTEM: DutyClock = {
  now: () => performance.now(),
  after: (ms, then) => setTimeout(then, ms),
};

export function createDuty(clock: DutyClock = SYSTEM): Duty {
  let percent = 100;
  let computing = 0;
  let fromMs = 0;
  let owedMs = 0;
  /** From the first answer that ended its step until all have rested. */
  let gate: PromiseWithResolvers<void> | null = null;

  function open(): void {
    gate?.resolve();
    gate = null;
  }

  function rest(): void {
    const nowMs = clock.now();
    owedMs = Math.min(REST_MS_MAX, owedMs + ((nowMs - fromMs) * (100 - percent)) / percent);
    if (owedMs < 1) {
      open();
      return;
    }
    clock.after(owedMs, () => {
      owedMs = Math.max(-CREDIT_MS_MAX, owedMs - (clock.now() - nowMs));
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

/** Leaves nothing behind at the signal, which outlives many rests. */
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const leave = () => resolve();
  signal.addEventListener('abort', leave, { once: true });
  await Promise.race([promise, aborted]);
  signal.removeEventListener('abort', leave);
}
