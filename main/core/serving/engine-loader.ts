/** Loads the main model while work is permitted and hands the machine back while it isn't. */
import { isAppError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, GivenBack, LoadOptions, ModelFile } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { MachineReader } from '../../ports/machine.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import type { HandBacks } from '../engine/index.ts';
import type { ModelStore } from '../models/index.ts';
import type { PresenceService } from '../presence/index.ts';
import type { Graphics } from './graphics.ts';
import { servingLoad } from './load-options.ts';

export interface EngineLoaderOptions {
  /** Engine of the main model. */
  readonly engine: Engine;
  /** Hands back from all engines. */
  readonly handBackAll: () => Promise<GivenBack | null>;
  /** Stops all engine processes. */
  readonly stopAll: () => Promise<void>;
  /** GPU memory that the engines of other models hold, in bytes. */
  readonly graphicsBytesOfOthers: (model: ModelFile) => number;
  /** File of the main model; null while there is none, or while another model takes its place. */
  readonly file: () => ModelFile | null;
  readonly models: Pick<ModelStore, 'list'>;
  readonly presence: Pick<PresenceService, 'current'>;
  readonly settings: () => Settings;
  readonly machine: Pick<MachineReader, 'inventory'>;
  readonly graphics: Graphics;
  /** The fetched libraries for GPUs that a process starting now gets; another value for others. Default: never any. */
  readonly libraries?: () => string | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Number of running jobs. */
  readonly activeJobs: () => number;
  /** Ends running jobs; resolves when all are concluded. */
  readonly endJobs: () => Promise<void>;
  readonly handBacks: Pick<HandBacks, 'add'>;
  readonly onHandBack: () => void;
}

/** The estimate of the memory that a model takes counts this many contexts. */
const FURTHER_SEQUENCES_MAX = 4;

export class EngineLoader {
  readonly #options: EngineLoaderOptions;
  /** ID of the last model that was loaded, or is to be as soon as its engine can. */
  #loadedId: string | null = null;
  /** Options of the last load. */
  #loadedWith: LoadOptions | null = null;
  /** Those of the processes that run. */
  #libraries: string | null;
  #isStopped = false;

  constructor(options: EngineLoaderOptions) {
    this.#options = options;
    this.#libraries = this.#currentLibraries();
  }

  /**
   * Ends jobs, which are charged for what was delivered, and the engine, which doesn't wait for that. Runs without
   * waiting for a load in progress.
   */
  async handBack(): Promise<void> {
    const { handBackAll, presence, clock, log } = this.#options;
    const { reason } = presence.current();
    const jobs = this.#options.activeJobs();
    // The engines end first: writing the jobs' ends takes disk time.
    const ending = handBackAll();
    const concluded = this.#recording('the ends of its jobs', this.#options.endJobs);
    // Awaited below, after the engines have ended.
    concluded.catch(() => undefined);
    const given = await ending;
    if (given !== null) {
      await this.#recording('its duration', async () =>
        this.#options.handBacks.add({ atMs: clock.now(), reason, jobs, ...given }),
      );
      const durationMs = Math.round(given.durationMs);
      log.info('Machine handed back', { reason, how: given.how, durationMs, jobsEnded: jobs });
      this.#options.onHandBack();
    }
    await concluded;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** A disk that takes no writes keeps nobody from getting the machine back. */
  async #recording(what: string, record: () => Promise<void>): Promise<void> {
    try {
      await record();
    } catch (error) {
      if (!(error instanceof Error) || storageFaultOf(error) === null) throw error;
      const message = `The machine was handed back, but ${what} could not be recorded`;
      this.#options.log.warn(message, { cause: error.message });
    }
  }

  /** Goes toward the state that is wanted now. Two steps must not overlap. */
  async step(): Promise<void> {
    const { engine, presence, graphics, stopAll, log } = this.#options;
    const file = this.#options.file();
    if (this.#isStopped || file === null) return;
    const mayRun = presence.current().decision !== 'pause';
    const isOtherChoice = await graphics.refresh();
    // A process keeps the GPUs and the libraries that it started with. A job may have begun in the meantime.
    const isReplaced = this.#currentLibraries() !== this.#libraries && this.#options.activeJobs() === 0;
    if (isOtherChoice || isReplaced) {
      await this.handBack();
      await stopAll();
      this.#libraries = this.#currentLibraries();
    }
    const status = engine.status();
    const isLoaded = status.state === 'ready' || status.state === 'loading' || status.state === 'restarting';
    const isOther = isLoaded && this.#loadedId !== file.id;
    try {
      if (mayRun && (!isLoaded || isOther || (await this.#isLoadOutdated()))) await this.#load(file);
      else if (!mayRun && isLoaded) await this.handBack();
    } catch (error) {
      if (!isAppError(error)) throw error;
      // The engine's own status shows the failure and its next attempt.
      log.warn('The model could not be loaded', { model: file.id, code: error.code, cause: error.message });
    }
  }

  #currentLibraries(): string | null {
    return this.#options.libraries?.() ?? null;
  }

  /** The owner changed the limits on cores or GPU memory: reloads an idle engine. */
  async #isLoadOutdated(): Promise<boolean> {
    const { engine, machine, settings, activeJobs } = this.#options;
    const next = await servingLoad(machine, settings());
    const before = this.#loadedWith;
    const isSame =
      before?.threads === next.threads && before.graphicsMemoryBytesMax === next.graphicsMemoryBytesMax;
    return engine.status().state === 'ready' && activeJobs() === 0 && !isSame;
  }

  async #load(file: ModelFile): Promise<void> {
    const { engine, machine, settings } = this.#options;
    const load = await servingLoad(machine, settings());
    this.#loadedWith = load;
    this.#loadedId = file.id;
    if (engine.status().state === 'ready') await this.#options.endJobs();
    await engine.load(file, this.#fitted(file, load));
  }

  /** Options for a model alongside the main one. */
  async optionsFor(file: ModelFile): Promise<LoadOptions> {
    const load = await servingLoad(this.#options.machine, this.#options.settings());
    return this.#fitted(file, { ...load, sequences: Math.min(load.sequences, FURTHER_SEQUENCES_MAX) });
  }

  /** Fits the options to the context of the model and to the GPU memory that the engines of other models leave. */
  #fitted(file: ModelFile, load: LoadOptions): LoadOptions {
    const { models, graphicsBytesOfOthers } = this.#options;
    const entry = models.list().find(({ id }) => id === file.id);
    const limit = load.graphicsMemoryBytesMax;
    return {
      ...load,
      contextTokens: Math.min(entry?.contextTokens ?? load.contextTokens, load.contextTokens),
      graphicsMemoryBytesMax: limit === null ? null : Math.max(0, limit - graphicsBytesOfOthers(file)),
    };
  }
}
