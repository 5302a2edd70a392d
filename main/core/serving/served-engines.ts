/**
 * The engines of all served models, one process each, so that a crash concerns one model and killing a process frees its
 * memory. The main model is loaded whenever work is permitted. Further models are loaded when a job needs one, if need be
 * in place of models without jobs, and unloaded when they were idle for a while.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { InOrder } from '../../../shared/in-order.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type {
  Engine,
  EngineStatus,
  GenerateEvent,
  GenerateRequest,
  GivenBack,
  LoadOptions,
  ModelFile,
} from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { Availability, HeldModel, ModelEngines } from '../../ports/model-engines.ts';
import type { LoadedFacts, LoadedFactsRecord } from './loaded-facts.ts';
import type { MemoryLimit } from './memory-limit.ts';
import type { Offerable } from './offered-models.ts';
import { makeRoom, type Resident, type Room } from './room.ts';

export interface ServedEnginesOptions {
  readonly main: Engine;
  /** File of the main model; null while there is none. */
  readonly mainFile: () => ModelFile | null;
  /** Loads the main model, without waiting for earlier steps. Doesn't throw expected failures. */
  readonly loadMain: () => Promise<void>;
  /** Returns the engine of a further model; the same one for the same model. */
  readonly engineOf: (model: ModelFile) => Engine;
  readonly loadOptions: (model: ModelFile) => Promise<LoadOptions>;
  /** Memory that the model takes; null if that is unknown. */
  readonly bytesOf: (modelId: string) => number | null;
  readonly memory: MemoryLimit;
  /** Time without jobs after which a further model is unloaded. */
  readonly idleMs: () => number;
  readonly mayRun: () => boolean;
  /** Loading and unloading happen one after the other. */
  readonly inOrder: InOrder;
  readonly facts: LoadedFactsRecord;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStatus: (status: EngineStatus, isMain: boolean) => void;
}

/** A served model, as others see it. */
export interface ServedModel {
  readonly file: ModelFile;
  readonly engine: Engine;
  readonly isMain: boolean;
  /** Null for a model that was never loaded here. */
  readonly facts: LoadedFacts | null;
}

interface Member {
  readonly engine: Engine;
  readonly isMain: boolean;
  file: ModelFile;
  /** Jobs that run or wait for the model. */
  holds: number;
  idleSinceMs: number;
  loading: Promise<void> | null;
  unloadTimer: Timer | null;
  /** It couldn't be loaded when it was tried. */
  hasFailed: boolean;
}

const NOTHING: GenerateEvent = {
  ...{ type: 'end', reason: 'aborted', inputTokens: 0, readTokens: 0, outputTokens: 0 },
  ...{ prefillMs: 0, decodeMs: 0 },
};

export class ServedEngines implements ModelEngines {
  readonly #options: ServedEnginesOptions;
  readonly #main: Member;
  #further: readonly Member[] = [];
  /** Has left the memory for another model. */
  #isMainDisplaced = false;
  readonly #watched = new Set<Engine>();
  readonly #listeners = new Set<() => void>();

  constructor(options: ServedEnginesOptions) {
    this.#options = options;
    this.#main = this.#member(options.main, { id: '', path: '', sha256: '' }, true);
  }

  get isMainDisplaced(): boolean {
    return this.#isMainDisplaced;
  }

  /** All served models whose file is here, the main one first. */
  list(): readonly ServedModel[] {
    return this.#members().map(({ file, engine, isMain }) => ({
      file,
      engine,
      isMain,
      facts: this.#options.facts.of(file),
    }));
  }

  /** Status of the main model's engine; while another model takes its place, that one's. */
  status(): EngineStatus {
    const instead = this.#isMainDisplaced
      ? this.#further.find(({ engine }) => isUp(engine.status()))
      : undefined;
    return (instead ?? this.#main).engine.status();
  }

  /** The models that can be offered: what a job would get is known, and they are loaded or can be. */
  offerable(): readonly Offerable[] {
    return this.list().flatMap(({ file: { id, sha256 }, engine, facts }): Offerable[] => {
      const status = engine.status();
      if (status.state === 'ready' && status.loaded.model.id === id)
        return [{ id, sha256, facts: status.loaded, isLoaded: true }];
      const { kind } = this.availability(id);
      const isOffered = facts !== null && (kind === 'available' || kind === 'no-memory');
      return isOffered ? [{ id, sha256, facts, isLoaded: false }] : [];
    });
  }

  /** Calls the listener when any engine's status changes; returns its unsubscribe. */
  onStatus(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Serves these models alongside the main one. An engine of another one is stopped. */
  setFurther(files: readonly ModelFile[]): void {
    const mainId = this.#options.mainFile()?.id;
    const before = this.#further;
    const wanted = files.filter(({ id }) => id !== mainId);
    this.#further = wanted.map(
      (file) =>
        before.find((member) => member.file.id === file.id && member.file.sha256 === file.sha256) ??
        this.#member(this.#options.engineOf(file), file, false),
    );
    for (const member of before) {
      if (this.#further.includes(member)) continue;
      member.unloadTimer?.cancel();
      void this.#options.inOrder(async () => {
        if (!this.#further.some(({ engine }) => engine === member.engine)) await member.engine.stop();
      });
    }
  }

  availability(modelId: string): Availability {
    const member = this.#find(modelId);
    if (member === null) return { kind: 'unknown' };
    const status = member.engine.status();
    if (status.state === 'gave-up') return { kind: 'gave-up' };
    if (status.state === 'ready') {
      const isIt = status.loaded.model.id === modelId;
      return isIt ? { kind: 'available', slots: status.loaded.sequences } : { kind: 'starting' };
    }
    if (member.isMain && !this.#isMainDisplaced) return { kind: 'starting' };
    const known = this.#options.facts.of(member.file);
    if (known === null) return { kind: 'unknown' };
    const room = this.#roomFor(member);
    if (room.kind === 'room') return { kind: 'available', slots: known.sequences };
    return room.kind === 'busy' ? { kind: 'no-memory' } : { kind: 'unknown' };
  }

  anyAvailability(): Availability {
    const all = this.#members().map(({ file }) => this.availability(file.id));
    const [main] = all;
    return all.find(({ kind }) => kind === 'available') ?? main ?? { kind: 'starting' };
  }

  hold(modelId: string): HeldModel {
    const member = this.#find(modelId);
    if (member === null) throw new AppError('model-unavailable', 'This model is no longer served.');
    member.holds += 1;
    member.unloadTimer?.cancel();
    let isHeld = true;
    return {
      generate: (request, signal) => this.#generate(member, modelId, request, signal),
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#released(member);
      },
    };
  }

  /** Hands the machine back from all engines at the same time. Null if nothing was loaded. */
  async handBack(): Promise<GivenBack | null> {
    this.#isMainDisplaced = false;
    const all = await Promise.all([...this.#watched].map((engine) => engine.handBack()));
    const given = all.filter((each) => each !== null);
    if (given.length === 0) return null;
    const how = (['killed', 'unloaded', 'cancelled'] as const).find((each) =>
      given.some((back) => back.how === each),
    );
    return { how: how ?? 'unloaded', durationMs: Math.max(...given.map(({ durationMs }) => durationMs)) };
  }

  /** Stops the processes of all engines; they start again with the next load. Runs in order. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#watched].map((engine) => engine.stop()));
  }

  /** Part of a step in order: returns what must not be loaded, brings the main model back, and tries new models. */
  async tidy(options: {
    readonly mayTry: boolean;
    readonly isOutdated: (facts: LoadedFacts) => boolean;
  }): Promise<void> {
    const { mayRun, facts } = this.#options;
    if (!mayRun()) {
      if (this.#further.some(({ engine }) => isUp(engine.status()))) await this.handBack();
      return;
    }
    for (const member of this.#further) {
      const known = facts.of(member.file);
      if (known !== null && options.isOutdated(known)) await this.#unloadIdle(member);
    }
    await this.#unloadExcess();
    await this.#bringMainBack();
    if (options.mayTry) await this.#tryNew();
  }

  #members(): readonly Member[] {
    const file = this.#options.mainFile();
    if (file === null) return this.#further;
    this.#main.file = file;
    return [this.#main, ...this.#further];
  }

  #find(modelId: string): Member | null {
    return this.#members().find(({ file }) => file.id === modelId) ?? null;
  }

  #member(engine: Engine, file: ModelFile, isMain: boolean): Member {
    const rest = { holds: 0, idleSinceMs: 0, loading: null, unloadTimer: null, hasFailed: false };
    if (!this.#watched.has(engine)) {
      this.#watched.add(engine);
      engine.onStatus((status) => {
        if (status.state === 'ready' && status.activeSequences === 0) this.#noteFacts(status);
        this.#options.onStatus(status, isMain);
        for (const listener of [...this.#listeners]) listener();
      });
    }
    return { engine, file, isMain, ...rest };
  }

  #noteFacts({ loaded }: Extract<EngineStatus, { state: 'ready' }>): void {
    const { facts } = this.#options;
    // Written once for each load: the status also changes with every job.
    if (facts.of(loaded.model)?.loadMs !== loaded.loadMs) facts.note(loaded);
  }

  /** Limit for the memory of all loaded models together. */
  limitBytes(): number {
    return this.#options.memory.bytes(this.#heldBytes());
  }

  /** The machine's memory for models: what is free, and what loaded models take. */
  machineBytes(): number {
    return this.#options.memory.machineBytes(this.#heldBytes());
  }

  #heldBytes(): number {
    const loaded = this.#members().filter(({ engine }) => isUp(engine.status()));
    return loaded.reduce((sum, each) => sum + this.#bytes(each, 0), 0);
  }

  /** The memory that others leave for this model. A model of unknown size needs all of it. */
  #roomFor(member: Member): Room {
    const limitBytes = this.limitBytes();
    const others = this.#members().filter((each) => each !== member);
    const bytes = this.#bytes(member, member.isMain ? limitBytes : Number.POSITIVE_INFINITY);
    // The main model is loaded however large it is.
    const needed = member.isMain ? Math.min(bytes, limitBytes) : bytes;
    return makeRoom(needed, this.#residents(others, limitBytes), limitBytes);
  }

  #residents(members: readonly Member[], limitBytes: number): readonly Resident[] {
    return members
      .filter(({ engine, holds }) => holds > 0 || isUp(engine.status()))
      .map(
        (each): Resident => ({
          id: each.file.id,
          bytes: this.#bytes(each, limitBytes),
          isBusy: each.holds > 0 || isBusy(each.engine.status()),
          idleSinceMs: each.idleSinceMs,
        }),
      );
  }

  #bytes({ file }: Member, unknown: number): number {
    return this.#options.bytesOf(file.id) ?? unknown;
  }

  async *#generate(
    member: Member,
    modelId: string,
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent, void> {
    while (!isUp(member.engine.status())) {
      if (signal.aborted || !(await this.#loaded(member, signal))) {
        yield NOTHING;
        return;
      }
    }
    if (member.file.id !== modelId)
      throw new AppError('model-unavailable', 'Another model was loaded instead.');
    yield* member.engine.generate(request, signal);
  }

  /** Resolves to true when a load was made, and to false if the signal aborts first. Fails as the load does. */
  async #loaded(member: Member, signal: AbortSignal): Promise<boolean> {
    member.loading ??= this.#options
      .inOrder(() => this.#load(member))
      .finally(() => {
        member.loading = null;
      });
    const { promise, resolve } = Promise.withResolvers<false>();
    const onAbort = () => resolve(false);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([member.loading.then(() => true), promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Runs in order. Does nothing if no job needs the model any more. */
  async #load(member: Member): Promise<void> {
    const { loadMain, loadOptions, mayRun, log } = this.#options;
    if (member.holds === 0 || isUp(member.engine.status())) return;
    const room = this.#roomFor(member);
    if (room.kind !== 'room') throw noMemory();
    for (const id of room.unload) {
      const leaving = this.#find(id);
      // A job may have come for it meanwhile.
      if (leaving === null || leaving.holds > 0) throw noMemory();
      if (leaving.isMain) this.#isMainDisplaced = true;
      log.info('Unloading a model that has no jobs for another one', { model: id, for: member.file.id });
      await leaving.engine.stop();
    }
    if (!member.isMain) {
      const options = await loadOptions(member.file);
      if (!mayRun()) throw new AppError('aborted', 'The owner of this machine is using it.');
      await member.engine.load(member.file, options);
      return;
    }
    this.#isMainDisplaced = false;
    await loadMain();
    if (!isUp(member.engine.status()))
      throw new AppError('model-unavailable', 'The model could not be loaded.');
  }

  #released(member: Member): void {
    member.holds -= 1;
    if (member.holds > 0) return;
    const { clock, idleMs, inOrder } = this.#options;
    member.idleSinceMs = clock.monotonic();
    if (member.isMain || !this.#further.includes(member)) return;
    member.unloadTimer?.cancel();
    member.unloadTimer = clock.after(idleMs(), () => {
      void inOrder(async () => {
        await this.#unloadIdle(member);
        await this.#bringMainBack();
      });
    });
  }

  /** Unloads idle models that exceed a limit that was lowered. */
  async #unloadExcess(): Promise<void> {
    const limitBytes = this.limitBytes();
    const mainBytes = isUp(this.#main.engine.status())
      ? Math.min(this.#bytes(this.#main, limitBytes), limitBytes)
      : 0;
    const room = makeRoom(mainBytes, this.#residents(this.#further, limitBytes), limitBytes);
    if (room.kind !== 'room') return;
    for (const id of room.unload) {
      const member = this.#find(id);
      if (member !== null) await this.#unloadIdle(member);
    }
  }

  async #unloadIdle(member: Member): Promise<void> {
    if (member.holds > 0 || !isUp(member.engine.status())) return;
    this.#options.log.info('Unloading a model that has no jobs', { model: member.file.id });
    await member.engine.stop();
  }

  /** Loads the main model again as soon as nothing has to leave for it. */
  async #bringMainBack(): Promise<void> {
    if (!this.#isMainDisplaced || !this.#options.mayRun()) return;
    const room = this.#roomFor(this.#main);
    if (room.kind !== 'room' || room.unload.length > 0) return;
    this.#isMainDisplaced = false;
    await this.#options.loadMain();
  }

  /** Loads models that were never loaded here, to learn what can be offered. The main model is back right after. */
  async #tryNew(): Promise<void> {
    const { facts, log } = this.#options;
    for (const member of this.#further) {
      if (member.hasFailed || facts.of(member.file) !== null || isUp(member.engine.status())) continue;
      if (this.#roomFor(member).kind !== 'room') continue;
      member.holds += 1;
      try {
        await this.#load(member);
      } catch (error) {
        if (!isAppError(error)) throw error;
        member.hasFailed = !isAppError(error, 'aborted', 'paused');
        const { code, message } = error;
        log.warn('A further model could not be loaded', { model: member.file.id, code, cause: message });
      } finally {
        this.#released(member);
      }
      if (!this.#isMainDisplaced) continue;
      await this.#unloadIdle(member);
      await this.#bringMainBack();
    }
  }
}

/** True if the engine holds memory, or is about to. */
export function isUp({ state }: EngineStatus): boolean {
  return state === 'ready' || state === 'loading' || state === 'restarting';
}

function isBusy(status: EngineStatus): boolean {
  return status.state === 'ready' && status.activeSequences > 0;
}

function noMemory(): AppError {
  return new AppError('paused', 'Other models need the memory right now.', {
    details: { reason: 'no-memory' },
  });
}
