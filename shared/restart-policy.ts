/** Delays between restarts of an agent that ends unexpectedly: they double, and restarts are limited. */

export interface RestartPolicy {
  /** Milliseconds to wait before the next start; null if the agent ended too often to be started again. */
  next(ranForMs: number): number | null;
}

const FIRST_WAIT_MS = 500;
const WAIT_MS_MAX = 30_000;
const RESTARTS_MAX = 5;
/** An agent that ran this long was healthy; its restarts are counted from zero again. */
const HEALTHY_MS = 5 * 60_000;

export function createRestartPolicy(): RestartPolicy {
  let restarts = 0;
  return {
    next(ranForMs) {
      if (ranForMs >= HEALTHY_MS) restarts = 0;
      if (restarts >= RESTARTS_MAX) return null;
      restarts += 1;
      return Math.min(FIRST_WAIT_MS * 2 ** (restarts - 1), WAIT_MS_MAX);
    },
  };
}
