/** Manages the settings: defaults overlaid with the owner's choices. Only the choices are stored. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { type Settings, type SettingsPatch, settingsSchema } from '../../../shared/settings.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface SettingsService {
  get(): Settings;
  /** Stores the given settings and no others. Fails with `bad-request` and then changes nothing. */
  change(patch: SettingsPatch): Settings;
  /** Calls the listener after each change; returns its unsubscribe. */
  onChange(listener: (settings: Settings) => void): () => void;
}

const COLLECTION = 'settings';
const KEY = 'owner';
/** Names that settings had in earlier versions, so that the owner's choices survive an update. */
const FORMER_NAMES: Readonly<Record<string, keyof Settings>> = {
  heedFullScreen: 'pauseForFullScreen',
  heedDisplayAwake: 'pauseForDisplayAwake',
  heedOtherPrograms: 'pauseForOtherPrograms',
  onlyCheapHours: 'onlyOffPeakHours',
  cheapHours: 'offPeakHours',
  cheapPowerPriceMicroUsd: 'offPeakPowerPriceMicroUsd',
};
const strictPatchSchema = z.strictObject(settingsSchema.partial().shape);

/** `defaults` depends on the host: DEFAULT_SETTINGS, with `runWhen: 'always'` if there is no desktop shell. */
export function createSettings(parts: {
  readonly records: RecordStore;
  readonly defaults: Settings;
}): SettingsService {
  const { records, defaults } = parts;
  const listeners = new Set<(settings: Settings) => void>();
  let chosen = readChosenSettings(records);
  let current = settingsSchema.parse({ ...defaults, ...chosen });
  return {
    get: () => current,
    change(patch) {
      const parsed = strictPatchSchema.safeParse(patch);
      if (!parsed.success) {
        const { issues } = parsed.error;
        const fields = issues.map((issue) => issue.path.join('.') || issue.message);
        const reasons = issues.map(({ code, path, message }, place) =>
          code === 'custom' ? `${path.join('.')} ${message}` : fields[place],
        );
        throw new AppError('bad-request', `Invalid settings: ${reasons.join(', ')}. Nothing was changed.`, {
          details: { fields },
        });
      }
      const given = Object.fromEntries(
        Object.entries(parsed.data).filter(([, value]) => value !== undefined),
      );
      chosen = { ...chosen, ...given };
      current = settingsSchema.parse({ ...defaults, ...chosen });
      records.set(COLLECTION, KEY, JSON.stringify(chosen));
      for (const listener of [...listeners]) listener(current);
      return current;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Returns the owner's stored choices. Values that the current schema rejects are left out and have their default. */
export function readChosenSettings(records: Pick<RecordStore, 'get'>): SettingsPatch {
  const text = records.get(COLLECTION, KEY);
  if (text === null) return {};
  const stored = z.record(z.string(), z.unknown()).catch({}).parse(JSON.parse(text));
  const renamed = Object.entries(stored).map(([name, value]) => [FORMER_NAMES[name] ?? name, value]);
  const kept: Record<string, unknown> = { ...Object.fromEntries(renamed), ...stored };
  const valid = Object.entries(settingsSchema.shape).filter(
    ([name, schema]) => name in kept && schema.safeParse(kept[name]).success,
  );
  return Object.fromEntries(valid.map(([name]) => [name, kept[name]]));
}
