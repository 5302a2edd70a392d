/** A delay that tests move by the clock. */
import type { Clock } from '../../ports/clock.ts';
import { onAbort } from '../openai-http/index.ts';

/** Resolves after this time, or as soon as the signal aborts. */
export function delay(clock: Clock, durationMs: number, ended: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(durationMs, resolve);
  const stopListening = onAbort(ended, resolve);
  return promise.finally(() => {
    timer.cancel();
    stopListening();
  });
}
