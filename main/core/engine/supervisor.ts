/**
 * Supervises one engine process: starts it, gives it a model, queues requests beyond its sequences,
 * restarts it with capped backoff when it dies, and gives up aloud. The process may be killed at any moment.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type {
  Engine,
  EngineStatus,
  GenerateEvent,
  GenerateRequest,
  GivenBack,
  LoadedModel,
  LoadOptions,
  ModelFile,
} from '../../ports/engine.ts';
import {
  type EngineEvent,
  type EngineProcess,
  engineReportSchema,
  generateRequestSchema,
  type SpawnEngine,
} from '../../ports/engine-process.ts';
import { createGenerations, type Generations } from './generations.ts';

export interface SupervisorOptions {
  readonly spawn: SpawnEngine;
  readonly clock: Clock;
  /** Delay before the first restart; doubles each time. Default 500 ms. */
  readonly restartBaseMs?: number;
  /** Default 30 s. */
  readonly restartCapMs?: number;
  /** Restarts in a row before giving up. Default 5. */
  readonly restartsMax?: number;
  /** After serving this long, earlier crashes are forgotten. Default 60 s. */
  readonly stableMs?: number;
  /** How long a polite stop may take before SIGKILL. Default 2 s. */
  readonly stopGraceMs?: number;
  /** How long an idle engine may take to unload when the owner returns, before SIGKILL. Default 250 ms. */
  readonly handBackGraceMs?: number;
}

const HANDED_BACK = 'The owner of this machine needs it back.';

interface Wanted {
  readonly model: ModelFile;
  readonly options: LoadOptions;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** The {@link Engine} whose work is done by a child process that `spawn` starts. */
export function createEngineSupervisor(options: SupervisorOptions): Engine {
  const { spawn, clock } = options;
  const restartBaseMs = options.restartBaseMs ?? 500;
  const restartCapMs = options.restartCapMs ?? 30_000;
  const restartsMax = options.restartsMax ?? 5;
  const stableMs = options.stableMs ?? 60_000;
  const stopGraceMs = options.stopGraceMs ?? 2_000;
  const handBackGraceMs = options.handBackGraceMs ?? 250;

  const listeners = new Set<(status: EngineStatus) => void>();
  let status: EngineStatus = { state: 'stopped' };
  let wanted: Wanted | null = null;
  let child: EngineProcess | null = null;
  let loading: { request: number; deferred: Deferred<LoadedModel> } | null = null;
  let unloading: { request: number; deferred: Deferred<void> } | null = null;
  let exiting: Deferred<void> | null = null;
  let handingBack: Promise<GivenBack | null> | null = null;
  let duty = 100;
  let restartTimer: Timer | null = null;
  let crashes = 0;
  let readySinceMs: number | null = null;
  let lastRequest = 0;

  const generations: Generations = createGenerations({
    clock,
    send: (command) => child?.send(command),
    onActive: (activeSequences) => {
      if (status.state === 'ready') setStatus({ ...status, activeSequences });
    },
  });

  function setStatus(next: EngineStatus): void {
    status = next;
    for (const listener of listeners) listener(next);
  }

  function start(): EngineProcess {
    if (child) return child;
    const started = spawn();
    child = started;
    if (duty !== 100) started.send({ type: 'duty', percent: duty });
    started.onMessage((message) => {
      if (child === started) receive(started, message);
    });
    started.onExit((cause) => {
      if (child === started) ended(cause);
    });
    return started;
  }

  function receive(from: EngineProcess, message: unknown): void {
    const parsed = engineReportSchema.safeParse(message);
    if (!parsed.success) {
      // A child that speaks nonsense is broken; its end is handled like any crash.
      from.kill();
      return;
    }
    const report = parsed.data;
    if (report.type === 'events') {
      for (const event of report.events) generations.deliver(toGenerateEvent(event), event.id);
      return;
    }
    if (report.type === 'unloaded') {
      if (unloading?.request === report.request) {
        unloading.deferred.resolve();
        unloading = null;
      }
      return;
    }
    if (loading?.request !== report.request || !wanted) return;
    const { deferred } = loading;
    loading = null;
    if (report.type === 'failed') {
      wanted = null;
      const error = new AppError(report.failure.code, report.failure.message, {
        details: report.failure.details,
      });
      setStatus({ state: 'stopped' });
      generations.failAll(error);
      deferred.reject(error);
      return;
    }
    const loaded: LoadedModel = { model: wanted.model, ...report.report };
    readySinceMs = clock.monotonic();
    setStatus({ state: 'ready', loaded, activeSequences: 0, pid: from.pid });
    deferred.resolve(loaded);
    generations.open(loaded.sequences);
  }

  function ended(cause: string): void {
    child = null;
    generations.close();
    unloading?.deferred.resolve();
    unloading = null;
    if (exiting) {
      generations.endActive('aborted');
      exiting.resolve();
      exiting = null;
    } else {
      generations.failActive('The engine process ended in the middle of an answer.');
    }
    if (!wanted) {
      setStatus({ state: 'stopped' });
      return;
    }
    if (readySinceMs !== null && clock.monotonic() - readySinceMs >= stableMs) crashes = 0;
    readySinceMs = null;
    crashes += 1;
    if (crashes > restartsMax) giveUp(cause);
    else restartLater(cause);
  }

  function restartLater(cause: string): void {
    const inMs = Math.min(restartCapMs, restartBaseMs * 2 ** (crashes - 1));
    setStatus({ state: 'restarting', attempt: crashes, inMs, cause });
    restartTimer = clock.after(inMs, () => {
      restartTimer = null;
      if (wanted) void begin(wanted).catch(() => {});
    });
  }

  function giveUp(cause: string): void {
    const error = new AppError('engine-gave-up', `The engine ended ${crashes} times in a row: ${cause}`, {
      details: { attempts: crashes },
    });
    wanted = null;
    setStatus({ state: 'gave-up', attempts: crashes, cause });
    loading?.deferred.reject(error);
    loading = null;
    generations.failAll(error);
  }

  /** Starts the process if needed and asks it to load; a reload answers whoever waited for the first load. */
  function begin({ model, options: load }: Wanted): Promise<LoadedModel> {
    lastRequest += 1;
    const deferred = loading?.deferred ?? defer<LoadedModel>();
    loading = { request: lastRequest, deferred };
    setStatus({ state: 'loading', modelId: model.id });
    try {
      start().send({ type: 'load', request: lastRequest, path: model.path, ...load });
    } catch (error) {
      ended(`it could not be started (${error instanceof Error ? error.message : 'unknown'})`);
    }
    return deferred.promise;
  }

  /** Forgets the model: nobody waits for it any more, and a restart is off. */
  function forget(message: string): void {
    wanted = null;
    restartTimer?.cancel();
    restartTimer = null;
    crashes = 0;
    readySinceMs = null;
    generations.close();
    generations.failWaiting(new AppError('model-unavailable', message));
    generations.abortActive();
    loading?.deferred.reject(new AppError('aborted', message));
    loading = null;
  }

  /** One after the other: the second finds nothing left, or what was loaded meanwhile. */
  async function handBack(): Promise<GivenBack | null> {
    const startedMs = clock.monotonic();
    while (handingBack !== null) await handingBack;
    handingBack = handBackNow(startedMs);
    try {
      return await handingBack;
    } finally {
      handingBack = null;
    }
  }

  async function handBackNow(startedMs: number): Promise<GivenBack | null> {
    const process = child;
    const held = status.state === 'ready' || status.state === 'loading';
    const computes = loading !== null || generations.active() > 0;
    if (!held || !process || exiting) {
      forget(HANDED_BACK);
      await unloading?.deferred.promise;
      await exiting?.promise;
      if (!wanted) setStatus({ state: 'stopped' });
      return null;
    }
    // What computes is not asked: the step that it is in may take longer than its owner should wait.
    if (computes) {
      const gone = defer<void>();
      exiting = gone;
      forget(HANDED_BACK);
      generations.endActive('aborted');
      process.kill();
      await gone.promise;
    } else {
      const deadline = clock.after(handBackGraceMs, () => process.kill());
      await unload();
      deadline.cancel();
    }
    const how = child === process ? 'unloaded' : 'killed';
    return { how, durationMs: clock.monotonic() - startedMs };
  }

  async function unload(): Promise<void> {
    forget('The model was unloaded.');
    if (child && !exiting) {
      lastRequest += 1;
      unloading ??= { request: lastRequest, deferred: defer<void>() };
      child.send({ type: 'unload', request: unloading.request });
      await unloading.deferred.promise;
    }
    if (!wanted) setStatus({ state: 'stopped' });
  }

  return {
    status: () => status,
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async load(model, load) {
      // A process on its way out cannot load; the new one starts when it is gone.
      await exiting?.promise;
      forget('Another model was asked for.');
      wanted = { model, options: load };
      return begin(wanted);
    },
    async *generate(request, signal) {
      const parsed = generateRequestSchema.safeParse(request);
      if (!parsed.success) {
        throw new AppError('bad-request', 'The engine does not accept these parameters.', {
          details: { parameters: parsed.error.issues.map((issue) => issue.path.join('.')) },
        });
      }
      if (!wanted) throw unavailable(status);
      yield* generations.run(parsed.data satisfies GenerateRequest, signal);
    },
    setDuty(percent) {
      if (percent === duty) return;
      duty = percent;
      child?.send({ type: 'duty', percent });
    },
    unload,
    handBack,
    async stop() {
      forget('The engine was stopped.');
      const stopping = child;
      if (stopping) {
        if (!exiting) {
          exiting = defer<void>();
          stopping.send({ type: 'exit' });
        }
        const deadline = clock.after(stopGraceMs, () => stopping.kill());
        await exiting.promise;
        deadline.cancel();
      }
      if (!wanted) setStatus({ state: 'stopped' });
    },
  };
}

function unavailable(status: EngineStatus): AppError {
  return status.state === 'gave-up'
    ? new AppError('engine-gave-up', `The engine gave up after ${status.attempts} attempts.`)
    : new AppError('model-unavailable', 'No model is loaded.');
}

function toGenerateEvent(event: EngineEvent): GenerateEvent | AppError {
  if (event.type === 'failed') {
    return new AppError(event.failure.code, event.failure.message, { details: event.failure.details });
  }
  const { id: _, ...rest } = event;
  return rest;
}

function defer<T>(): Deferred<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Nobody may be waiting, e.g. for a reload after a crash; whoever waits still gets the rejection.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
