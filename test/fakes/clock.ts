/** Fake clock that advances only when a test moves it. */
import type { Clock, Timer } from '../../main/ports/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time forward. Due timers run in order, each at its own time. */
  advance(durationMs: number): void;
  /** Sets the time of day forward or (negative) back, as a person or a time server does; durations don't notice. */
  setTimeBy(durationMs: number): void;
}

export function manualClock(startMs: number): ManualClock {
  let nowMs = startMs;
  let setByMs = 0;
  const timers = new Set<{ dueMs: number; intervalMs: number | null; run: () => void }>();
  const add = (delayMs: number, intervalMs: number | null, run: () => void): Timer => {
    const timer = { dueMs: nowMs + delayMs, intervalMs, run };
    timers.add(timer);
    return { cancel: () => timers.delete(timer) };
  };
  return {
    now: () => nowMs + setByMs,
    monotonic: () => nowMs - startMs,
    after: (delayMs, run) => add(delayMs, null, run),
    every: (intervalMs, run) => add(intervalMs, intervalMs, run),
    advance(durationMs) {
      const endMs = nowMs + durationMs;
      for (;;) {
        const due = [...timers].filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (due === undefined) break;
        nowMs = due.dueMs;
        if (due.intervalMs === null) timers.delete(due);
        else due.dueMs += due.intervalMs;
        due.run();
      }
      nowMs = endMs;
    },
    setTimeBy(durationMs) {
      setByMs += durationMs;
    },
  };
}
