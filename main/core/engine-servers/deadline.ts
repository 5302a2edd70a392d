/** Deadlines on the injected clock, as abort signals. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';

export interface Deadline {
  /** Aborts with the outer signal, or with `engine-failed` when the time is over. */
  readonly signal: AbortSignal;
  /** Starts the time again, for the given duration. */
  extend(durationMs: number): void;
  cancel(): void;
}

export function startDeadline(clock: Clock, durationMs: number, outer: AbortSignal): Deadline {
  const late = new AbortController();
  const start = (ms: number) =>
    clock.after(ms, () => late.abort(new AppError('engine-failed', 'The engine took too long to answer.')));
  let timer = start(durationMs);
  return {
    signal: AbortSignal.any([outer, late.signal]),
    extend(ms) {
      timer.cancel();
      timer = start(ms);
    },
    cancel: () => timer.cancel(),
  };
}
