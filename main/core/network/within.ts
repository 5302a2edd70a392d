/** Limits the time of requests to the market. */
import type { Clock } from '../../ports/clock.ts';

/** Runs with a signal that aborts together with the outer one, or when the time is over. */
export async function within<Result>(
  clock: Clock,
  msMax: number,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timeout = clock.after(msMax, () => limit.abort());
  try {
    return await run(AbortSignal.any([limit.signal, outer]));
  } finally {
    timeout.cancel();
  }
}
