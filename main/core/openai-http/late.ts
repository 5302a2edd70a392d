/** Detects an answer that takes so long to begin that its client needs a sign of life. */
import type { Clock } from '../../ports/clock.ts';

/** Resolves to true if the promise is still pending after this time. */
export async function isLateAfter(
  clock: Clock,
  promise: Promise<unknown>,
  afterMs: number,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.after(afterMs, () => resolve(true));
  const settled = () => false;
  return Promise.race([late, promise.then(settled, settled)]).finally(() => timer.cancel());
}
