/** Waiting that the clock of a test can move and that a requester who leaves ends at once. */
import type { Clock } from '../../ports/clock.ts';

/** Resolves after this long, or as soon as the signal aborts. */
export function pause(clock: Clock, durationMs: number, ended?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (durationMs <= 0 || ended?.aborted) {
      resolve();
      return;
    }
    const timer = clock.after(durationMs, () => {
      ended?.removeEventListener('abort', leave);
      resolve();
    });
    function leave(): void {
      timer.cancel();
      resolve();
    }
    ended?.addEventListener('abort', leave, { once: true });
  });
}
