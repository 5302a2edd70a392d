/**
 * What is served: brings the model, loads it while we may run, and gives the memory back when we may not.
 * The only place where presence, models and engine meet.
 */
import { availableParallelism } from 'node:os';
import { comfortLimits, throttledDuty } from '../../shared/comfort.ts';
import { AppError, isAppError } from '../../shared/errors.ts';
import type { Settings } from '../../shared/settings.ts';
import { chooseThreads, type EngineDuty, type HandBacks } from '../core/engine/index.ts';
import { CATALOGUE, DEFAULT_MODEL_ID, type ModelStore, TINY_MODEL_ID } from '../core/models/index.ts';
import type { PresenceService } from '../core/presence/index.ts';
import type { SettingsService } from '../core/settings/index.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Engine, LoadOptions, ModelFile } from '../ports/engine.ts';
import type { MachineReader } from '../ports/machine.ts';
import type { RecordStore } from '../ports/store.ts';
import type { Surroundings } from './config.ts';
import type { Graphics } from './graphics.ts';

export interface ServingOptions {
  readonly engine: Engine;
  readonly duty: Pick<EngineDuty, 'give'>;
  readonly models: ModelStore;
  readonly presence: PresenceService;
  readonly settings: SettingsService;
  readonly machine: MachineReader;
  readonly graphics: Graphics;
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Whether the bundled tiny model may stand in when no source can be reached. */
  readonly tinyMayServe: boolean;
  /** How many jobs run. */
  readonly activeJobs: () => number;
  /** Ends running jobs; resolves when all are concluded. */
  readonly handBack: () => Promise<void>;
  readonly handBacks: HandBacks;
  /** What nobody expected, for the log. */
  readonly fault: Surroundings['fault'];
  readonly notice: Surroundings['notice'];
  readonly onChange: () => void;
}

export interface Serving {
  /** Brings the chosen model and serves it; does not wait for either. */
  start(): void;
  /** The model that is served, or being brought to be. */
  modelId(): string;
  /** Serves another model from now on, after its file is here. */
  activate(id: string): Promise<void>;
  /** The last job ended: what waited for that is done now. */
  idle(): void;
  stop(): void;
}

const COLLECTION = 'serving';
const KEY = 'model';
/** Tokens of one request and its answer. */
const CONTEXT_TOKENS_MAX = 2_048;
const SEQUENCES = 4;
const RETRY_MS = 60_000;

export function createServing(options: ServingOptions): Serving {
  const { engine, models, presence, settings, records, clock } = options;
  const stopping = new AbortController();
  let wanted = readChoice(records.get(COLLECTION, KEY)) ?? DEFAULT_MODEL_ID;
  let file: ModelFile | null = null;
  let working: Promise<void> = Promise.resolve();
  let retry: Timer | null = null;
  let asked: LoadOptions | null = null;
  const unsubscribe = [
    presence.onChange(({ decision }) => {
      // The owner does not wait until a load that is under way has ended.
      if (decision === 'pause') void giveBack().catch(options.fault);
      else giveDuty();
      reconcile();
    }),
    settings.onChange(() => {
      giveDuty();
      reconcile();
    }),
    engine.onStatus((status) => {
      if (status.state === 'gave-up') {
        presence.setAvailability('engine-gave-up');
        const { cause, attempts } = status;
        options.notice('engine-gave-up', { severity: 'error', details: { cause, attempts } });
      }
      options.onChange();
    }),
  ];

  /** What the owner's comfort leaves, and half of it where the machine is near a limit. */
  function giveDuty(): void {
    const { dutyPercent } = comfortLimits(settings.get().comfort);
    const isThrottled = presence.current().decision === 'throttle';
    options.duty.give(isThrottled ? throttledDuty(dutyPercent) : dutyPercent);
  }

  /** One step after the other: load and unload never cross. */
  function reconcile(): void {
    working = working.then(step, step);
  }

  async function step(): Promise<void> {
    if (stopping.signal.aborted || file === null) return;
    const run = presence.current().decision !== 'pause';
    // A process keeps the cards that it began with.
    if (await options.graphics.refresh()) {
      await giveBack();
      await engine.stop();
    }
    const status = engine.status();
    const loaded = status.state === 'ready' || status.state === 'loading' || status.state === 'restarting';
    const loadedId = status.state === 'ready' ? status.loaded.model.id : null;
    try {
      const isOther = loadedId !== null && loadedId !== file.id;
      if (run && (!loaded || isOther || (await wantsOtherLoad()))) await load(file);
      else if (!run && loaded) await giveBack();
    } catch (error) {
      // The engine's own status says what happened and what it tries next.
      if (!isAppError(error)) throw error;
    }
  }

  /** Jobs end and are charged for what was delivered; the engine does not wait for that. */
  async function giveBack(): Promise<void> {
    const { reason } = presence.current();
    const jobs = options.activeJobs();
    // The engine ends first: what is then written of the jobs takes the disk's time.
    const ending = engine.handBack();
    const concluded = options.handBack();
    const given = await ending;
    if (given !== null) {
      options.handBacks.add({ atMs: clock.now(), reason, jobs, ...given });
      options.onChange();
    }
    await concluded;
  }

  async function wantedLoad(): Promise<LoadOptions> {
    return servingLoad(options.machine, settings.get());
  }

  /** The owner gives more cores or memory of cards, or less: what nobody waits for is loaded anew. */
  async function wantsOtherLoad(): Promise<boolean> {
    const next = await wantedLoad();
    const same =
      asked?.threads === next.threads && asked.graphicsMemoryBytesMax === next.graphicsMemoryBytesMax;
    return engine.status().state === 'ready' && options.activeJobs() === 0 && !same;
  }

  async function load(model: ModelFile): Promise<void> {
    const load = await wantedLoad();
    asked = load;
    const entry = models.list().find(({ id }) => id === model.id);
    if (engine.status().state === 'ready') await options.handBack();
    const contextTokens = Math.min(entry?.contextTokens ?? load.contextTokens, load.contextTokens);
    await engine.load(model, { ...load, contextTokens });
  }

  async function bring(): Promise<void> {
    try {
      file = await models.ensure(wanted, { signal: stopping.signal });
      options.notice('no-source', null);
      options.notice('tiny-model-fallback', null);
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (!isAppError(error)) throw error;
      const details = { reason: error.message };
      options.notice('no-source', { severity: 'warning', details });
      retry = clock.after(RETRY_MS, () => void bring());
      if (!options.tinyMayServe) {
        if (file === null) presence.setAvailability('no-model');
        return;
      }
      file ??= await models.ensure(TINY_MODEL_ID, { signal: stopping.signal });
      options.notice('tiny-model-fallback', { severity: 'warning', details });
    }
    presence.setAvailability('ready');
    options.onChange();
    reconcile();
  }

  return {
    start() {
      giveDuty();
      void bring();
    },
    modelId: () => file?.id ?? wanted,
    async activate(id) {
      const next = await models.ensure(id, { signal: stopping.signal });
      const entry = models.list().find((model) => model.id === id);
      if (entry?.fit === 'does-not-fit') {
        throw new AppError('unsupported', 'This model needs more memory than this machine has.');
      }
      retry?.cancel();
      wanted = id;
      file = next;
      records.set(COLLECTION, KEY, JSON.stringify(id));
      presence.setAvailability('ready');
      reconcile();
      await working;
      options.onChange();
    },
    idle: reconcile,
    stop() {
      stopping.abort();
      retry?.cancel();
      for (const end of unsubscribe) end();
    },
  };
}

/** How this machine loads a model that it serves; a model with a shorter context gives less. */
export async function servingLoad(
  machine: Pick<MachineReader, 'inventory'>,
  settings: Pick<Settings, 'comfort' | 'graphicsMemoryBytesMax'>,
): Promise<LoadOptions> {
  const { physicalCores } = await machine.inventory();
  const threads = chooseThreads({
    physicalCores,
    logicalCores: availableParallelism(),
    busyCores: null,
    sharePercent: comfortLimits(settings.comfort).coresPercent,
  });
  const { graphicsMemoryBytesMax } = settings;
  return { contextTokens: CONTEXT_TOKENS_MAX, sequences: SEQUENCES, threads, graphicsMemoryBytesMax };
}

/** A model that the owner chose and that the catalogue still has. */
function readChoice(text: string | null): string | null {
  const id: unknown = text === null ? null : JSON.parse(text);
  return CATALOGUE.some((entry) => entry.id === id) ? String(id) : null;
}
