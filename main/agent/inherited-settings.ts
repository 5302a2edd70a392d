/**
 * Settings that a network takes over when the owner chooses it for the first time: everything about the machine and the
 * app. Prices, limits and agreements are set for each network, because they are about its money and its peers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUYING_DEFAULTS } from '../../shared/buying-limits.ts';
import { type Settings, settingsPatchSchema } from '../../shared/settings.ts';
import { asStorageError } from '../ports/storage.ts';

const FILE = 'inherited-settings.json';
const NOT_INHERITED: ReadonlySet<string> = new Set<keyof Settings>([
  'priceInputPerMillion',
  'priceOutputPerMillion',
  'settleThreshold',
  'networkFeeMax',
  'coinPriceMicroUsd',
  'serveUnconfined',
  ...(Object.keys(BUYING_DEFAULTS) as (keyof typeof BUYING_DEFAULTS)[]),
]);

/** Writes the settings for the first start on a data folder. Fails with `disk-full` or `disk-unwritable`. */
export function writeInheritedSettings(folder: string, settings: Settings): void {
  const inherited = Object.entries(settings).filter(([name]) => !NOT_INHERITED.has(name));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, FILE), JSON.stringify(Object.fromEntries(inherited)), { mode: 0o600 });
  } catch (cause) {
    throw asStorageError(cause);
  }
}

/** Empty where nothing valid is inherited. */
export function readInheritedSettings(folder: string): Partial<Settings> {
  try {
    const read = settingsPatchSchema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')));
    const inherited = Object.entries(read).filter(
      ([name, value]) => value !== undefined && !NOT_INHERITED.has(name),
    );
    return Object.fromEntries(inherited) as Partial<Settings>;
  } catch {
    return {}; // a network that was never chosen, or a file of another version: defaults apply
  }
}
