/** A delay that tests move by the clock and that ends early when the requester leaves. */
import type { Clock } from '../../ports/clock.ts';

/** Resolves after this time, or as soon as the signal aborts. */
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
