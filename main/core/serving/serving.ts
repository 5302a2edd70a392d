/** Serves models: connects presence, models and engines. */
import { freemem } from 'node:os';
import { comfortLimits, throttledDuty } from '../../../shared/comfort.ts';
import { AppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { SandboxReport } from '../../../shared/sandbox.ts';
import type { Engine, EngineStatus, ModelFile } from '../../ports/engine.ts';
import type { EngineDuty } from '../engine/index.ts';
import type { ModelStore } from '../models/index.ts';
import type { PresenceService } from '../presence/index.ts';
import type { SettingsService } from '../settings/index.ts';
import { BLOCKED, type Block, blockOf, isLifted } from './block.ts';
import { missingParts } from './confinement.ts';
import { EngineLoader, type EngineLoaderOptions } from './engine-loader.ts';
import { FurtherChoice } from './further-choice.ts';
import { servingLoad } from './load-options.ts';
import { createLoadedFacts } from './loaded-facts.ts';
import { createMemoryLimit } from './memory-limit.ts';
import { ModelSupply, type ModelSupplyOptions } from './model-supply.ts';
import { ServedEngines } from './served-engines.ts';

export type ServingOptions = Omit<
  EngineLoaderOptions,
  | 'file'
  | 'settings'
  | 'onHandBack'
  | 'presence'
  | 'models'
  | 'handBackAll'
  | 'stopAll'
  | 'graphicsBytesOfOthers'
> &
  Pick<ModelSupplyOptions, 'records' | 'notices' | 'tinyMayServe'> & {
    /** Returns the engine of a model alongside the main one; the same one for the same model. */
    readonly engineOf: (model: ModelFile) => Engine;
    readonly duty: Pick<EngineDuty, 'give'>;
    readonly models: Pick<ModelStore, 'ensure' | 'list' | 'findOwn' | 'requiredBytes' | 'onChange'>;
    readonly presence: Pick<PresenceService, 'current' | 'onChange' | 'setAvailability'>;
    readonly settings: Pick<SettingsService, 'get' | 'onChange'>;
    /** Engines without a sandbox need the owner's agreement: the profile `open` serves strangers. */
    readonly requiresSandbox: boolean;
    /** True while the speed of a model is measured, which the load of another one would disturb. */
    readonly isMeasuring: () => boolean;
    /** Free memory of the machine in bytes. */
    readonly freeBytes?: () => number;
    /** Something that pages show has changed. */
    readonly onChange: () => void;
  };

export interface Serving {
  readonly engines: ServedEngines;
  /** Brings the chosen models here and serves them; does not wait for that. */
  start(): void;
  /** Main model: the one that is served, or is being downloaded for that. */
  modelId(): string;
  /** The owner's choice of models alongside the main one. */
  furtherIds(): readonly string[];
  /** Makes another model the main one from now on, once its file is here. */
  activate(id: string): Promise<void>;
  /**
   * Serves a model alongside the main one from now on, or no longer. Fails with `unsupported` if it isn't here or needs more
   * memory than models may take, and with `busy` if there are too many.
   */
  serveFurther(id: string, isOn: boolean): Promise<void>;
  /** The last job or measurement ended: runs what was deferred until then. */
  idle(): void;
  stop(): void;
}

export function createServing(options: ServingOptions): Serving {
  const parts = openParts(options);
  const { supply, further, engines, loader, inOrder, reconcile } = parts;
  const { presence, settings, log, onChange } = options;
  const giveDuty = () => options.duty.give(dutyPercent(presence, settings));
  const unsubscribe = [
    presence.onChange(({ decision }) => {
      // The owner doesn't wait until a load in progress has ended.
      if (decision === 'pause') {
        loader.handBack().catch((error: unknown) => log.error('The hand-back failed', error));
      } else giveDuty();
      reconcile();
    }),
    settings.onChange(() => {
      parts.blockCheck.check();
      giveDuty();
      reconcile();
    }),
    options.models.onChange(() => further.check()),
  ];
  return {
    engines,
    start() {
      giveDuty();
      void supply.bring();
      void further.bring();
    },
    modelId: () => supply.modelId,
    furtherIds: () => further.ids,
    async activate(id) {
      await supply.choose(id);
      await inOrder(async () => undefined);
      onChange();
    },
    async serveFurther(id, isOn) {
      if (isOn && !parts.fitsAlone(id)) {
        throw new AppError('unsupported', `Model "${id}" needs more memory than models may take.`);
      }
      if (isOn) await further.add(id);
      else further.remove(id);
    },
    idle: reconcile,
    stop() {
      supply.stop();
      loader.stop();
      for (const end of unsubscribe) end();
    },
  };
}

function openParts(options: ServingOptions) {
  const { presence, settings, models, machine, onChange } = options;
  const inOrder = createInOrder();
  const memory = createMemoryLimit(options.freeBytes ?? freemem, () => settings.get().modelMemoryBytesMax);
  const engines: ServedEngines = new ServedEngines({
    ...options,
    main: options.engine,
    mainFile: () => supply.file,
    loadMain: () => loader.step(),
    loadOptions: (file) => loader.optionsFor(file),
    bytesOf: models.requiredBytes,
    memory,
    idleMs: () => settings.get().modelIdleMinutes * MINUTE_MS,
    mayRun: () => presence.current().decision !== 'pause',
    inOrder,
    facts: createLoadedFacts(options.records),
    onStatus: (status, isMain) => onEngineStatus(options, blockCheck, { status, isMain }),
  });
  const loader: EngineLoader = new EngineLoader({
    ...options,
    handBackAll: () => engines.handBack(),
    stopAll: () => engines.stopAll(),
    graphicsBytesOfOthers: (file) => graphicsBytes(engines, models, file),
    settings: settings.get,
    file: () => (engines.isMainDisplaced ? null : supply.file),
    onHandBack: onChange,
  });
  const step = async () => {
    await loader.step();
    const { threads } = await servingLoad(machine, settings.get());
    await engines.tidy({
      mayTry: !options.isMeasuring(),
      isOutdated: (facts) => facts.backend === 'cpu' && facts.threads !== threads,
    });
  };
  const reconcile = () => void inOrder(step);
  const onFiles = () => {
    engines.setFurther(further.files);
    onChange();
    reconcile();
  };
  const supply: ModelSupply = new ModelSupply({
    ...options,
    onFile() {
      blockCheck.reset();
      presence.setAvailability('ready');
      onFiles();
    },
    onMissing: () => presence.setAvailability('no-model'),
  });
  const further: FurtherChoice = new FurtherChoice({ ...options, onChange: onFiles });
  const blockCheck = createBlockCheck(options, engines);
  const fitsAlone = (id: string) =>
    (models.requiredBytes(id) ?? Number.POSITIVE_INFINITY) <= engines.limitBytes();
  return { inOrder, engines, loader, supply, further, blockCheck, reconcile, fitsAlone };
}

const MINUTE_MS = 60_000;

function onEngineStatus(
  { presence, notices, onChange }: ServingOptions,
  blockCheck: BlockCheck,
  { status, isMain }: { readonly status: EngineStatus; readonly isMain: boolean },
): void {
  blockCheck.check();
  // Without a further model, the machine serves the others.
  if (status.state === 'gave-up' && isMain) {
    presence.setAvailability('engine-gave-up');
    const { cause, attempts } = status;
    notices.show('engine-gave-up', { severity: 'error', details: { cause, attempts } });
  }
  onChange();
}

/** GPU memory that the engines of other models hold at most, in bytes. */
function graphicsBytes(
  engines: ServedEngines,
  models: Pick<ModelStore, 'requiredBytes'>,
  file: ModelFile,
): number {
  const bytes = engines.list().map((model) => {
    const status = model.engine.status();
    if (model.file.id === file.id || status.state !== 'ready' || status.pid === null) return 0;
    return status.loaded.backend === 'cpu' ? 0 : (models.requiredBytes(model.file.id) ?? 0);
  });
  return bytes.reduce((sum, each) => sum + each, 0);
}

interface BlockCheck {
  /**
   * Pauses before the first job if an engine that was just loaded must not serve, until the owner changes that. An engine
   * reports only when it is loaded what it computes on and in which sandbox.
   */
  check(): void;
  /** Forgets the block: another model may be served by another engine. */
  reset(): void;
}

function createBlockCheck(options: ServingOptions, engines: ServedEngines): BlockCheck {
  const { presence, notices, log } = options;
  let block: Block | null = null;

  function showMissingParts(reports: readonly SandboxReport[]): void {
    const parts = [...new Set(reports.flatMap(missingParts))];
    if (parts.length === 0) notices.clear('sandbox-missing');
    else notices.show('sandbox-missing', { severity: 'warning', details: { parts: parts.join(', ') } });
  }

  return {
    check() {
      const loaded = engines.list().flatMap(({ engine }) => {
        const status = engine.status();
        return status.state === 'ready' ? [status.loaded] : [];
      });
      if (loaded.length > 0) showMissingParts(loaded.map(({ sandbox }) => sandbox));
      if (block !== null && isLifted(block, options)) {
        block = null;
        presence.setAvailability('ready');
      } else if (block === null) {
        block = loaded.map((each) => blockOf(each, options)).find((each) => each !== null) ?? null;
        if (block === null) return;
        log.warn(BLOCKED[block.reason]);
        presence.setAvailability(block.reason);
      }
    },
    reset() {
      block = null;
    },
  };
}

/** Duty cycle at the owner's intensity, and half of it while the machine is near a limit. */
function dutyPercent(
  presence: Pick<PresenceService, 'current'>,
  settings: Pick<SettingsService, 'get'>,
): number {
  const { dutyPercent } = comfortLimits(settings.get().comfort);
  return presence.current().decision === 'throttle' ? throttledDuty(dutyPercent) : dutyPercent;
}
