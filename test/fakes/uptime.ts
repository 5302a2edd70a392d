/** Fake uptime of a machine that a test restarts; it passes with the durations of a clock. */
import type { Clock } from '../../main/ports/clock.ts';
import type { Uptime } from '../../main/ports/uptime.ts';

export interface ManualUptime extends Uptime {
  /** Switches the machine off and on, in no time. */
  restart(): void;
}

export function manualUptime(clock: Pick<Clock, 'monotonic'>): ManualUptime {
  let startedAtMs = clock.monotonic();
  let starts = 1;
  return {
    sinceStartMs: () => clock.monotonic() - startedAtMs,
    get startId() {
      return `start-${starts}`;
    },
    restart() {
      startedAtMs = clock.monotonic();
      starts += 1;
    },
  };
}
