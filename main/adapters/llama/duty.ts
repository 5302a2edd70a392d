/** Rests between two steps of computing, so that the processor is busy for a share of the time only. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Duty {
  /** In percent, 1 to 100. */
  set(percent: number): void;
  /** After a step that took so long. Ends early when the signal aborts. */
  rest(stepMs: number, signal: AbortSignal): Promise<void>;
}

/** A rest in one piece is no longer: a new duty, and an answer's reader, wait no longer than this. */
const REST_MS_MAX = 2_000;

export function createDuty(wait: (ms: number, signal: AbortSignal) => Promise<void> = pause): Duty {
  let percent = 100;
  return {
    set(next) {
      percent = next;
    },
    async rest(stepMs, signal) {
      if (percent >= 100 || signal.aborted) return;
      const restMs = Math.min(REST_MS_MAX, (stepMs * (100 - percent)) / percent);
      if (restMs > 0) await wait(restMs, signal);
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at its signal next.
  }
}
