/**
 * Supervises one engine process: starts it, loads a model, queues requests beyond its sequences, restarts it
 * with capped backoff when it dies, and reports when it gives up. The process may be killed at any moment.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
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
  type EngineFailure,
  type EngineProcess,
  type EngineReport,
  generateRequestSchema,
  type SpawnEngine,
} from '../../ports/engine-process.ts';
import { type Deferred, defer } from './deferred.ts';
import { EngineLink } from './engine-link.ts';
import { Generations } from './generations.ts';
import { Restarts } from './restarts.ts';

export interface SupervisorOptions {
  readonly spawn: SpawnEngine;
  readonly clock: Clock;
  /** Delay before the first restart; doubles each time. Default 500 ms. */
  readonly restartBaseMs?: number;
  /** Maximum delay before a restart. Default 30 s. */
  readonly restartCapMs?: number;
  /** Restarts in a row before giving up. Default 5. */
  readonly restartsMax?: number;
  /** After the engine was ready for this long, earlier crashes no longer count. Default 60 s. */
  readonly stableMs?: number;
  /** Maximum duration of a cooperative stop before SIGKILL. Default 2 s. */
  readonly stopGraceMs?: number;
  /** Maximum time for an idle engine to unload when the owner returns, before SIGKILL. Default 250 ms. */
  readonly handBackGraceMs?: number;
  /** Maximum duration of a load before SIGKILL. Default 10 min: a large model on a slow disk takes several. */
  readonly loadMsMax?: number;
  /** Maximum time until the engine has rendered and tokenized a prompt. Default 3 min: it has the lowest priority. */
  readonly beginMsMax?: number;
  /** Checks a model's file before the process reads it; a rejection fails the load. Default: no check. */
  readonly inspect?: (model: ModelFile) => Promise<void>;
}

const LOAD_MS_MAX = 600_000;
const BEGIN_MS_MAX = 180_000;
const HANDED_BACK = 'The owner of this machine is using it.';

interface Wanted {
  readonly model: ModelFile;
  readonly options: LoadOptions;
}

/** A command whose report is awaited. */
interface Pending<T> {
  readonly request: number;
  readonly deferred: Deferred<T>;
}

/** Returns an {@link Engine} that delegates to a child process, which `spawn` starts. */
export function createEngineSupervisor(options: SupervisorOptions): Engine {
  const supervisor = new Supervisor(options);
  return {
    status: () => supervisor.status,
    onStatus: (listener) => supervisor.onStatus(listener),
    load: (model, load) => supervisor.load(model, load),
    generate: (request, signal) => supervisor.generate(request, signal),
    setDuty: (percent) => supervisor.setDuty(percent),
    setThreadsMax: (threads) => supervisor.setThreadsMax(threads),
    unload: () => supervisor.unload(),
    handBack: () => supervisor.handBack(),
    stop: () => supervisor.stop(),
  };
}

class Supervisor {
  readonly #clock: Clock;
  readonly #stopGraceMs: number;
  readonly #handBackGraceMs: number;
  readonly #loadMsMax: number;
  readonly #inspect: SupervisorOptions['inspect'];
  readonly #link: EngineLink;
  readonly #generations: Generations;
  readonly #restarts: Restarts;
  readonly #listeners = new Set<(status: EngineStatus) => void>();
  #status: EngineStatus = { state: 'stopped' };
  /** The model that should be loaded, also after a restart. */
  #wanted: Wanted | null = null;
  #loading: Pending<LoadedModel> | null = null;
  /** Ends a load that takes too long. */
  #loadDeadline: Timer | null = null;
  #unloading: Pending<void> | null = null;
  /** Set while the process is being stopped or killed on purpose. */
  #exiting: Deferred<void> | null = null;
  /** Set while the process is being killed because of a request. */
  #isStuck = false;
  #handingBack: Promise<GivenBack | null> | null = null;
  #lastRequest = 0;

  constructor(options: SupervisorOptions) {
    const { spawn, clock } = options;
    this.#clock = clock;
    this.#stopGraceMs = options.stopGraceMs ?? 2_000;
    this.#handBackGraceMs = options.handBackGraceMs ?? 250;
    this.#loadMsMax = options.loadMsMax ?? LOAD_MS_MAX;
    this.#inspect = options.inspect;
    this.#link = new EngineLink({
      spawn,
      onReport: (report, from) => this.#receive(report, from),
      onEnd: (cause) => this.#ended(cause),
    });
    this.#generations = new Generations({
      clock,
      send: (command) => this.#link.send(command),
      beginMsMax: options.beginMsMax ?? BEGIN_MS_MAX,
      onStuck: () => this.#stuck(),
      onActive: (activeSequences) => {
        if (this.#status.state === 'ready') this.#setStatus({ ...this.#status, activeSequences });
      },
    });
    this.#restarts = new Restarts({
      clock,
      baseMs: options.restartBaseMs ?? 500,
      capMs: options.restartCapMs ?? 30_000,
      restartsMax: options.restartsMax ?? 5,
      stableMs: options.stableMs ?? 60_000,
    });
  }

  get status(): EngineStatus {
    return this.#status;
  }

  onStatus(listener: (status: EngineStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async load(model: ModelFile, options: LoadOptions): Promise<LoadedModel> {
    // A process that is exiting cannot load; the new one starts when it is gone.
    await this.#exiting?.promise;
    this.#forget('Another model was loaded instead.');
    this.#wanted = { model, options };
    return this.#begin(this.#wanted);
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent, void> {
    const parsed = generateRequestSchema.safeParse(request);
    if (!parsed.success) {
      const parameters = parsed.error.issues.map((issue) => issue.path.join('.'));
      throw new AppError('bad-request', `Invalid parameters for the engine: ${parameters.join(', ')}.`, {
        details: { parameters },
      });
    }
    if (!this.#wanted) throw unavailable(this.#status);
    yield* this.#generations.run(parsed.data satisfies GenerateRequest, signal);
  }

  setDuty(percent: number): void {
    this.#link.setDuty(percent);
  }

  setThreadsMax(threads: number | null): void {
    this.#link.setThreadsMax(threads);
  }

  async unload(): Promise<void> {
    this.#forget('The model was unloaded.');
    if (this.#link.process && !this.#exiting) {
      this.#lastRequest += 1;
      this.#unloading ??= { request: this.#lastRequest, deferred: defer<void>() };
      this.#link.send({ type: 'unload', request: this.#unloading.request });
      await this.#unloading.deferred.promise;
    }
    this.#settleStopped();
  }

  /** Runs one hand-back at a time: a second call finds nothing left, or what was loaded meanwhile. */
  async handBack(): Promise<GivenBack | null> {
    const startedMs = this.#clock.monotonic();
    while (this.#handingBack !== null) await this.#handingBack;
    this.#handingBack = this.#handBackNow(startedMs);
    try {
      return await this.#handingBack;
    } finally {
      this.#handingBack = null;
    }
  }

  async stop(): Promise<void> {
    this.#forget('The engine was stopped.');
    const stopping = this.#link.process;
    if (stopping) {
      if (!this.#exiting) {
        this.#exiting = defer<void>();
        stopping.send({ type: 'exit' });
      }
      const deadline = this.#clock.after(this.#stopGraceMs, () => stopping.kill());
      await this.#exiting.promise;
      deadline.cancel();
    }
    this.#settleStopped();
  }

  async #handBackNow(startedMs: number): Promise<GivenBack | null> {
    const { process } = this.#link;
    const held = this.#status.state === 'ready' || this.#status.state === 'loading';
    const computes = this.#loading !== null || this.#generations.active > 0;
    if (!held || !process || this.#exiting) {
      this.#forget(HANDED_BACK);
      await this.#unloading?.deferred.promise;
      await this.#exiting?.promise;
      this.#settleStopped();
      return null;
    }
    // Kills a computing process instead of stopping it cooperatively: its current step may take longer than the owner
    // should wait.
    if (computes) await this.#killNow(process);
    else {
      const deadline = this.#clock.after(this.#handBackGraceMs, () => process.kill());
      await this.unload();
      deadline.cancel();
    }
    const how = this.#link.process === process ? 'unloaded' : 'killed';
    return { how, durationMs: this.#clock.monotonic() - startedMs };
  }

  async #killNow(process: EngineProcess): Promise<void> {
    const gone = defer<void>();
    this.#exiting = gone;
    this.#forget(HANDED_BACK);
    this.#generations.endActive();
    process.kill();
    await gone.promise;
  }

  #setStatus(next: EngineStatus): void {
    this.#status = next;
    for (const listener of this.#listeners) listener(next);
  }

  /** Reports `stopped` unless another model has been requested meanwhile. */
  #settleStopped(): void {
    if (!this.#wanted) this.#setStatus({ state: 'stopped' });
  }

  /** Starts the process if needed and sends `load`. A reload resolves the promise of the first load. */
  #begin({ model, options }: Wanted): Promise<LoadedModel> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    const deferred = this.#loading?.deferred ?? defer<LoadedModel>();
    this.#loading = { request, deferred };
    this.#setStatus({ state: 'loading', modelId: model.id });
    if (this.#inspect === undefined) this.#sendLoad(request, { model, options });
    else {
      this.#inspect(model).then(
        () => this.#sendLoad(request, { model, options }),
        (error: unknown) => this.#inspectionFailed(request, error),
      );
    }
    return deferred.promise;
  }

  #sendLoad(request: number, { model, options }: Wanted): void {
    // Another model may be wanted by now, or none.
    if (this.#loading?.request !== request) return;
    this.#loadDeadline?.cancel();
    this.#loadDeadline = this.#clock.after(this.#loadMsMax, () => this.#loadTimedOut(request));
    try {
      this.#link.start().send({ type: 'load', request, path: model.path, ...options });
    } catch (error) {
      this.#link.drop();
      this.#ended(`could not be started (${error instanceof Error ? error.message : 'unknown'})`);
    }
  }

  #inspectionFailed(request: number, error: unknown): void {
    if (this.#loading?.request !== request) return;
    const { deferred } = this.#loading;
    this.#loading = null;
    const { message, details } = isAppError(error)
      ? error
      : { message: 'The model file could not be read.', details: {} };
    this.#loadFailed({ code: 'model-unavailable', message, details: { ...details } }, deferred);
  }

  /** Kills the process: a load that hangs computes forever, for example in a template without end. */
  #loadTimedOut(request: number): void {
    const { process } = this.#link;
    if (this.#loading?.request !== request || process === null) return;
    const { deferred } = this.#loading;
    this.#loading = null;
    this.#exiting = defer<void>();
    const minutes = Math.round(this.#loadMsMax / 60_000);
    const message = `Loading the model took longer than ${minutes} min and was stopped. Choose another model.`;
    this.#loadFailed({ code: 'model-unavailable', message, details: { reason: 'timeout' } }, deferred);
    process.kill();
  }

  /** Kills a process that a request keeps busy without end. That is no crash: a requester must not wear the engine out. */
  #stuck(): void {
    if (this.#exiting) return;
    this.#isStuck = true;
    this.#link.process?.kill();
  }

  #receive(report: EngineReport, from: EngineProcess): void {
    if (report.type === 'events') {
      for (const event of report.events) this.#generations.deliver(toGenerateEvent(event), event.id);
    } else if (report.type === 'unloaded') {
      if (this.#unloading?.request === report.request) this.#settleUnloading();
    } else if (this.#loading?.request === report.request && this.#wanted) {
      const { deferred } = this.#loading;
      this.#loading = null;
      this.#loadDeadline?.cancel();
      if (report.type === 'failed') this.#loadFailed(report.failure, deferred);
      else this.#loaded({ model: this.#wanted.model, ...report.report }, from.pid, deferred);
    }
  }

  #loadFailed(failure: EngineFailure, deferred: Deferred<LoadedModel>): void {
    this.#wanted = null;
    const error = toAppError(failure);
    this.#setStatus({ state: 'stopped' });
    this.#generations.failAll(error);
    deferred.reject(error);
  }

  #loaded(loaded: LoadedModel, pid: number | null, deferred: Deferred<LoadedModel>): void {
    this.#restarts.markReady();
    this.#setStatus({ state: 'ready', loaded, activeSequences: 0, pid });
    deferred.resolve(loaded);
    this.#generations.open(loaded.sequences);
  }

  #settleUnloading(): void {
    this.#unloading?.deferred.resolve();
    this.#unloading = null;
  }

  #ended(cause: string): void {
    this.#loadDeadline?.cancel();
    this.#generations.close();
    this.#settleUnloading();
    const isStuck = this.#isStuck;
    this.#isStuck = false;
    if (this.#exiting) {
      this.#generations.endActive();
      this.#exiting.resolve();
      this.#exiting = null;
    } else {
      this.#generations.failActive('The engine process ended during the response.');
    }
    if (!this.#wanted) {
      this.#setStatus({ state: 'stopped' });
      return;
    }
    const inMs = isStuck ? this.#restarts.delayWithoutCrash() : this.#restarts.countCrash();
    if (inMs === null) this.#giveUp(cause);
    else this.#restartLater(inMs, isStuck ? 'stopped because of a prompt without end' : cause);
  }

  #restartLater(inMs: number, cause: string): void {
    this.#setStatus({ state: 'restarting', attempt: this.#restarts.crashes, inMs, cause });
    this.#restarts.schedule(inMs, () => {
      if (this.#wanted) void this.#begin(this.#wanted).catch(() => {});
    });
  }

  #giveUp(cause: string): void {
    const attempts = this.#restarts.crashes;
    const message = `The engine failed ${attempts} times in a row. Last cause: ${cause}.`;
    const error = new AppError('engine-gave-up', message, { details: { attempts } });
    this.#wanted = null;
    this.#setStatus({ state: 'gave-up', attempts, cause });
    this.#loading?.deferred.reject(error);
    this.#loading = null;
    this.#generations.failAll(error);
  }

  /** Forgets the wanted model: rejects everything that waits for it and cancels a scheduled restart. */
  #forget(message: string): void {
    this.#wanted = null;
    this.#restarts.reset();
    this.#generations.close();
    this.#generations.failWaiting(new AppError('model-unavailable', message));
    this.#generations.abortActive();
    this.#loading?.deferred.reject(new AppError('aborted', message));
    this.#loading = null;
    this.#loadDeadline?.cancel();
  }
}

function unavailable(status: EngineStatus): AppError {
  return status.state === 'gave-up'
    ? new AppError(
        'engine-gave-up',
        `The engine gave up after ${status.attempts} attempts. Load a model to retry.`,
      )
    : new AppError('model-unavailable', 'No model is loaded.');
}

function toGenerateEvent(event: EngineEvent): GenerateEvent | AppError {
  if (event.type === 'failed') return toAppError(event.failure);
  const { id: _, ...rest } = event;
  return rest;
}

function toAppError({ code, message, details }: EngineFailure): AppError {
  return new AppError(code, message, { details });
}
