/** Waits on the injected clock. */
import type { Clock } from '../../ports/clock.ts';

/** Resolves after the time, or when the signal aborts. */
export function pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(durationMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
