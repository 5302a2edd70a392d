/** Manages the settings: defaults overlaid with the owner's choices. Only the choices are stored. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { type Settings, type SettingsPatch, settingsSchema } from '../../../shared/settings.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface SettingsService {
  get(): Settings;
  /** Stores the given settings and no others. Fails with `bad-request` or `not-permitted` and then changes nothing. */
  change(patch: SettingsPatch): Settings;
  /** Sets what an owner decided for all machines, over the choices here. `change` refuses another value of these. */
  rule(rules: SettingsPatch): void;
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
  let rules: SettingsPatch = {};
  let current = settingsSchema.parse({ ...defaults, ...chosen });

  function overlay(): Settings {
    current = settingsSchema.parse({ ...defaults, ...chosen, ...rules });
    for (const listener of [...listeners]) listener(current);
    return current;
  }

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
      refuseRuled(given, rules);
      chosen = { ...chosen, ...given };
      records.set(COLLECTION, KEY, JSON.stringify(chosen));
      return overlay();
    },
    rule(next) {
      if (isDeepStrictEqual(next, rules)) return;
      rules = next;
      overlay();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function refuseRuled(given: SettingsPatch, rules: SettingsPatch): void {
  const names = Object.keys(given) as (keyof Settings)[];
  const ruled = names.filter((name) => name in rules && !isDeepStrictEqual(given[name], rules[name]));
  if (ruled.length === 0) return;
  throw new AppError(
    'not-permitted',
    'The owner has set this for all machines. Nothing was changed here. Change it on a machine of the owner.',
    { details: { fields: ruled } },
  );
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
