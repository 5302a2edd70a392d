/** Runs the first benchmark of a machine, so that offers state measured speeds. */
import type { Engine } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { PresenceService } from '../presence/index.ts';

/**
 * Starts the benchmark as soon as a model is ready and no limit throttles the machine, unless one was run before.
 * Returns the function that stops waiting for that.
 */
export function measureOnce(parts: {
  readonly benchmark: Pick<Benchmark, 'state' | 'run'>;
  readonly engine: Pick<Engine, 'status' | 'onStatus'>;
  readonly presence: Pick<PresenceService, 'current' | 'onChange'>;
  readonly log: Log;
}): () => void {
  const { benchmark, engine, presence, log } = parts;
  if (benchmark.state().state !== 'never') return () => undefined;
  const stop = () => {
    for (const unsubscribe of waiting) unsubscribe();
  };
  const measureIfReady = () => {
    if (engine.status().state !== 'ready' || presence.current().decision !== 'run') return;
    stop();
    if (benchmark.state().state !== 'never') return;
    // The benchmark's own state reports the failure.
    benchmark
      .run()
      .catch((error: unknown) => log.debug('The first benchmark failed', { cause: String(error) }));
  };
  const waiting = [engine.onStatus(measureIfReady), presence.onChange(measureIfReady)];
  return stop;
}
