/** Measures the served model where its speed isn't known yet, so that offers and forecasts state measured speeds. */
import type { Engine } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { PresenceService } from '../presence/index.ts';

/** Runs that ended without a speed, for each model. Each takes minutes of computing, so that a faulty machine gives up. */
const FRUITLESS_MAX = 2;

/**
 * Starts the benchmark whenever a model is served whose speed on this machine is unknown, and no limit throttles the
 * machine. A run that the owner's return stopped is repeated when the machine is free again. Returns the function that
 * stops this.
 */
export function measureServed(parts: {
  readonly benchmark: Pick<Benchmark, 'state' | 'run' | 'speedsAt' | 'wasStopped'>;
  readonly engine: Pick<Engine, 'status' | 'onStatus'>;
  readonly presence: Pick<PresenceService, 'current' | 'onChange'>;
  readonly log: Log;
}): () => void {
  const { benchmark, engine, presence, log } = parts;
  const fruitless = new Map<string, number>();

  /** The model that is served without a measured speed; null if there is none. */
  function unmeasured(): string | null {
    const status = engine.status();
    if (status.state !== 'ready') return null;
    const { model, backend, threads } = status.loaded;
    const speeds = benchmark.speedsAt({ modelId: model.id, backend, threads }, 100);
    return speeds.decodeTokensPerSecond === null || speeds.prefillTokensPerSecond === null ? model.id : null;
  }

  async function measure(modelId: string): Promise<void> {
    try {
      log.info('Measuring the speed of the served model', { model: modelId });
      await benchmark.run();
    } catch (error) {
      // The benchmark's own state reports the failure.
      log.debug('The benchmark of the served model failed', { cause: String(error) });
      if (benchmark.wasStopped()) return;
    }
    if (unmeasured() === modelId) fruitless.set(modelId, (fruitless.get(modelId) ?? 0) + 1);
  }

  function measureIfDue(): void {
    if (benchmark.state().state === 'running' || presence.current().decision !== 'run') return;
    const modelId = unmeasured();
    if (modelId === null || (fruitless.get(modelId) ?? 0) >= FRUITLESS_MAX) return;
    void measure(modelId);
  }

  const waiting = [engine.onStatus(measureIfDue), presence.onChange(measureIfDue)];
  return () => {
    for (const unsubscribe of waiting) unsubscribe();
  };
}
