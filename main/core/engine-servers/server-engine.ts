/** The engine port for models of engine servers, and the engine that chooses between them and the own engine process. */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, EngineStatus, LoadedModel, LoadOptions, ModelFile } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import { createEngineSupervisor } from '../engine/index.ts';
import { type ServedModel, ServerProcess } from './server-process.ts';
import type { Trial } from './trial.ts';

export interface ServerEngineOptions {
  readonly find: (id: string) => ServedModel | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Delay before a server that failed is tried again; doubles each time. Default 1 s. */
  readonly restartBaseMs?: number;
}

const RESTART_BASE_MS = 1_000;

/**
 * Like an engine process, with these differences: a server that can't be reached is tried again without end, since its
 * owner may start it at any time; `load` doesn't wait for that; and a hand-back only cancels requests.
 */
export function createServerEngine(options: ServerEngineOptions): Engine {
  const trials = new Map<string, Trial>();
  const engine = createEngineSupervisor({
    spawn: () => new ServerProcess({ ...options, trials }),
    clock: options.clock,
    restartBaseMs: options.restartBaseMs ?? RESTART_BASE_MS,
    restartsMax: Number.POSITIVE_INFINITY,
  });
  return {
    ...engine,
    load: (model, load) => loadOrLater(engine, model, load),
    async handBack() {
      const given = await engine.handBack();
      return given && { ...given, how: 'cancelled' };
    },
  };
}

async function loadOrLater(engine: Engine, model: ModelFile, load: LoadOptions): Promise<LoadedModel> {
  const status = engine.status();
  // The limits of the own engine changed, which are nothing to a server.
  if (status.state === 'ready' && status.loaded.model.sha256 === model.sha256) return status.loaded;
  const { promise: later, reject } = Promise.withResolvers<never>();
  const unsubscribe = engine.onStatus((next) => {
    if (next.state !== 'restarting') return;
    reject(new AppError('model-unavailable', `The engine ${next.cause}. Idlewatt tries again.`));
  });
  try {
    return await Promise.race([engine.load(model, load), later]);
  } finally {
    unsubscribe();
  }
}

/** Loads a model in the engine that has it; the other one is unloaded first. */
export function chooseEngine(parts: {
  readonly own: Engine;
  readonly servers: Engine;
  readonly isOfServer: (model: ModelFile) => boolean;
}): Engine {
  const { own, servers, isOfServer } = parts;
  const listeners = new Set<(status: EngineStatus) => void>();
  let active = own;
  for (const engine of [own, servers]) {
    engine.onStatus((status) => {
      if (engine === active) for (const listener of listeners) listener(status);
    });
  }
  return {
    status: () => active.status(),
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async load(model, options) {
      const next = isOfServer(model) ? servers : own;
      const before = active;
      if (next !== before) {
        active = next;
        // Frees its memory for the other one.
        await before.unload();
      }
      return next.load(model, options);
    },
    generate: (request, signal) => active.generate(request, signal),
    setDuty(percent) {
      own.setDuty(percent);
      servers.setDuty(percent);
    },
    setThreadsMax(threads) {
      own.setThreadsMax(threads);
      servers.setThreadsMax(threads);
    },
    unload: () => active.unload(),
    handBack: () => active.handBack(),
    async stop() {
      await Promise.all([own.stop(), servers.stop()]);
    },
  };
}
