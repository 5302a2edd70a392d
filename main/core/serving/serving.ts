/** Serves a model: connects presence, models and engine. */
import { comfortLimits, throttledDuty } from '../../../shared/comfort.ts';
import type { SandboxReport } from '../../../shared/sandbox.ts';
import type { EngineDuty } from '../engine/index.ts';
import type { ModelStore } from '../models/index.ts';
import type { PresenceService } from '../presence/index.ts';
import type { SettingsService } from '../settings/index.ts';
import { BLOCKED, type Block, blockOf, isLifted } from './block.ts';
import { missingParts } from './confinement.ts';
import { EngineLoader, type EngineLoaderOptions } from './engine-loader.ts';
import { ModelSupply, type ModelSupplyOptions } from './model-supply.ts';

export type ServingOptions = Omit<
  EngineLoaderOptions,
  'file' | 'settings' | 'onHandBack' | 'presence' | 'models'
> &
  Pick<ModelSupplyOptions, 'records' | 'notices' | 'tinyMayServe'> & {
    readonly duty: Pick<EngineDuty, 'give'>;
    readonly models: Pick<ModelStore, 'ensure' | 'list' | 'findOwn'>;
    readonly presence: Pick<PresenceService, 'current' | 'onChange' | 'setAvailability'>;
    readonly settings: Pick<SettingsService, 'get' | 'onChange'>;
    /** Engines without a sandbox need the owner's agreement: the profile `open` serves strangers. */
    readonly requiresSandbox: boolean;
    /** Something that pages show has changed. */
    readonly onChange: () => void;
  };

export interface Serving {
  /** Brings the chosen model here and serves it; does not wait for either. */
  start(): void;
  /** Model that is served, or is being downloaded for that. */
  modelId(): string;
  /** Serves another model from now on, once its file is here. */
  activate(id: string): Promise<void>;
  /** The last job ended: runs what was deferred until then. */
  idle(): void;
  stop(): void;
}

export function createServing(options: ServingOptions): Serving {
  const { engine, presence, settings, notices, log, onChange } = options;
  let block: Block | null = null;
  const loader: EngineLoader = new EngineLoader({
    ...options,
    settings: settings.get,
    file: () => supply.file,
    onHandBack: onChange,
  });
  const supply: ModelSupply = new ModelSupply({
    ...options,
    onFile() {
      // Another model may be served by another engine.
      block = null;
      presence.setAvailability('ready');
      onChange();
      reconcile();
    },
    onMissing: () => presence.setAvailability('no-model'),
  });
  const reconcile = () => void loader.reconcile();
  const giveDuty = () => options.duty.give(dutyPercent(presence, settings));
  const unsubscribe = [
    presence.onChange(({ decision }) => {
      // The owner doesn't wait until a load in progress has ended.
      if (decision === 'pause') loader.handBack().catch(reportHandBack);
      else giveDuty();
      reconcile();
    }),
    settings.onChange(() => {
      checkLoaded();
      giveDuty();
      reconcile();
    }),
    engine.onStatus((status) => {
      checkLoaded();
      if (status.state === 'gave-up') {
        presence.setAvailability('engine-gave-up');
        const { cause, attempts } = status;
        notices.show('engine-gave-up', { severity: 'error', details: { cause, attempts } });
      }
      onChange();
    }),
  ];

  /**
   * Pauses before the first job if the engine that was just loaded must not serve, until the owner changes that. An engine
   * reports only when it is loaded what it computes on and in which sandbox.
   */
  function checkLoaded(): void {
    const status = engine.status();
    if (status.state === 'ready') showMissingParts(notices, status.loaded.sandbox);
    if (block !== null && isLifted(block, options)) {
      block = null;
      presence.setAvailability('ready');
    } else if (block === null && status.state === 'ready') {
      block = blockOf(status.loaded, options);
      if (block === null) return;
      log.warn(BLOCKED[block.reason]);
      presence.setAvailability(block.reason);
    }
  }

  function reportHandBack(error: unknown): void {
    log.error('The hand-back failed', error);
  }

  return {
    start() {
      giveDuty();
      void supply.bring();
    },
    modelId: () => supply.modelId,
    async activate(id) {
      await supply.choose(id);
      await loader.settled();
      onChange();
    },
    idle: reconcile,
    stop() {
      supply.stop();
      loader.stop();
      for (const end of unsubscribe) end();
    },
  };
}

function showMissingParts(notices: ServingOptions['notices'], report: SandboxReport): void {
  const parts = missingParts(report);
  if (parts.length === 0) notices.clear('sandbox-missing');
  else notices.show('sandbox-missing', { severity: 'warning', details: { parts: parts.join(', ') } });
}

/** Duty cycle at the owner's intensity, and half of it while the machine is near a limit. */
function dutyPercent(
  presence: Pick<PresenceService, 'current'>,
  settings: Pick<SettingsService, 'get'>,
): number {
  const { dutyPercent } = comfortLimits(settings.get().comfort);
  return presence.current().decision === 'throttle' ? throttledDuty(dutyPercent) : dutyPercent;
}
