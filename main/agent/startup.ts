/** Tracks the steps of the agent's start for those who wait for it: the desktop shell and open pages. */
import type { Startup, StartupStep } from '../../shared/startup.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

export interface StartupProgress {
  begin(step: StartupStep): void;
  /** Call once the API answers; later steps are ignored. */
  serving(): void;
  /** Yields the current step, then each later one; ends after `serving`, or when the signal aborts. */
  watch(signal: AbortSignal | undefined): AsyncGenerator<Startup, void, void>;
}

export function createStartupProgress(options: {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly onChange: (startup: Startup) => void;
}): StartupProgress {
  const { clock, log, onChange } = options;
  const wakers = new Set<() => void>();
  let current: Startup = { phase: 'starting', step: 'program', sinceMs: clock.now(), again: false };

  const show = (next: Startup) => {
    current = next;
    onChange(next);
    const waking = [...wakers];
    wakers.clear();
    for (const wake of waking) wake();
  };

  return {
    begin(step) {
      if (current.phase !== 'starting') return;
      log.debug('A step of the start begins', { step });
      show({ phase: 'starting', step, sinceMs: clock.now(), again: false });
    },
    serving() {
      if (current.phase === 'starting') show({ phase: 'serving' });
    },
    async *watch(signal) {
      const wake = () => {
        for (const each of wakers) each();
      };
      signal?.addEventListener('abort', wake);
      let shown: Startup | null = null;
      try {
        while (!signal?.aborted && shown?.phase !== 'serving') {
          if (shown === current) await new Promise<void>((resolve) => wakers.add(resolve));
          else {
            shown = current;
            yield shown;
          }
        }
      } finally {
        signal?.removeEventListener('abort', wake);
      }
    },
  };
}
