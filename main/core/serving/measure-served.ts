/** Measures the served model where its speed isn't known yet, so that offers and forecasts state measured speeds. */
import type { Log } from '../../ports/log.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { PresenceService } from '../presence/index.ts';
import type { ServedEngines, ServedModel } from './served-engines.ts';

/** Runs that ended without a speed, for each model. Each takes minutes of computing, so that a faulty machine gives up. */
const FRUITLESS_MAX = 2;

/**
 * Starts the benchmark whenever a model is loaded whose speed on this machine is unknown, and no limit throttles the
 * machine. The model stays loaded meanwhile. A run that the owner's return stopped is repeated when the machine is free
 * again. Returns the function that stops this.
 */
export function measureServed(parts: {
  readonly benchmark: Pick<Benchmark, 'state' | 'measureModel' | 'speedsAt' | 'wasStopped'>;
  readonly engines: Pick<ServedEngines, 'list' | 'hold' | 'onStatus'>;
  readonly presence: Pick<PresenceService, 'current' | 'onChange'>;
  readonly log: Log;
}): () => void {
  const { benchmark, engines, presence, log } = parts;
  const fruitless = new Map<string, number>();

  /** True for a model that is loaded and has no measured speed. */
  function isUnmeasured({ file, engine }: ServedModel): boolean {
    const status = engine.status();
    if (status.state !== 'ready' || status.loaded.model.id !== file.id) return false;
    const { model, backend, threads, features } = status.loaded;
    // An embedding model generates nothing whose speed could be measured.
    if (features?.includes('embeddings')) return false;
    const speeds = benchmark.speedsAt({ modelId: model.id, backend, threads }, 100);
    return speeds.decodeTokensPerSecond === null || speeds.prefillTokensPerSecond === null;
  }

  async function measure(model: ServedModel): Promise<void> {
    const { id: modelId } = model.file;
    const held = engines.hold(modelId);
    try {
      log.info('Measuring the speed of the served model', { model: modelId });
      await benchmark.measureModel(model.engine);
    } catch (error) {
      // The benchmark's own state reports the failure.
      log.debug('The benchmark of the served model failed', { cause: String(error) });
      if (benchmark.wasStopped()) return;
    } finally {
      held.release();
    }
    if (isUnmeasured(model)) fruitless.set(modelId, (fruitless.get(modelId) ?? 0) + 1);
  }

  function measureIfDue(): void {
    if (benchmark.state().state === 'running' || presence.current().decision !== 'run') return;
    const next = engines
      .list()
      .find((each) => isUnmeasured(each) && (fruitless.get(each.file.id) ?? 0) < FRUITLESS_MAX);
    if (next !== undefined) void measure(next);
  }

  const waiting = [engines.onStatus(measureIfDue), presence.onChange(measureIfDue)];
  return () => {
    for (const unsubscribe of waiting) unsubscribe();
  };
}
