/**
 * Finds the files under /sys for temperature, power, fans, battery and the load of AMD GPUs, so that they can be read
 * cheaply afterwards. Content that isn't a plain number is null.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of the sources, in order of preference. */
export interface HardwareFiles {
  readonly processorCelsius: string | null;
  readonly graphicsCelsius: readonly string[];
  /** In microwatts. */
  readonly watts: readonly string[];
  readonly fans: readonly string[];
  /** Mains and USB supplies: `1` while they power the machine. */
  readonly mains: readonly string[];
  readonly batteries: readonly { readonly capacity: string; readonly status: string }[];
  readonly graphicsBusy: readonly string[];
  readonly graphicsMemory: readonly string[];
}

/** Sensor chips inside the CPU. */
const PROCESSOR_CHIPS = new Set(['coretemp', 'k10temp', 'zenpower', 'cpu_thermal']);

/** Returns the trimmed content of a short text file; null if it is unreadable. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Drivers return an error while a device sleeps, which counts as unknown too.
    return null;
  }
}

/** Returns the integer in a file; null if there is none. */
export function readNumber(path: string): number | null {
  const text = readText(path);
  return text !== null && /^-?\d{1,18}$/.test(text) ? Number(text) : null;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Searches below `sysRoot` (`/sys`). */
export function findHardwareFiles(sysRoot: string): HardwareFiles {
  const chips = list(join(sysRoot, 'class/hwmon')).map((entry) => {
    const folder = join(sysRoot, 'class/hwmon', entry);
    return { folder, name: readText(join(folder, 'name')), files: list(folder) };
  });
  const processor = chips.find(({ name }) => name !== null && PROCESSOR_CHIPS.has(name));
  const cards = chips.filter(({ name }) => name === 'amdgpu');
  const supplies = list(join(sysRoot, 'class/power_supply')).map((entry) => {
    const folder = join(sysRoot, 'class/power_supply', entry);
    return { folder, type: readText(join(folder, 'type')), scope: readText(join(folder, 'scope')) };
  });
  const graphics = list(join(sysRoot, 'class/drm'))
    .filter((entry) => /^card\d+$/.test(entry))
    .map((entry) => join(sysRoot, 'class/drm', entry, 'device'));
  return {
    processorCelsius: processor?.files.includes('temp1_input') ? join(processor.folder, 'temp1_input') : null,
    graphicsCelsius: cards
      .filter(({ files }) => files.includes('temp1_input'))
      .map(({ folder }) => join(folder, 'temp1_input')),
    watts: cards.flatMap(({ folder, files }) => {
      const file = ['power1_average', 'power1_input'].find((name) => files.includes(name));
      return file === undefined ? [] : [join(folder, file)];
    }),
    fans: chips.flatMap(({ folder, files }) =>
      files.filter((file) => /^fan\d+_input$/.test(file)).map((file) => join(folder, file)),
    ),
    mains: supplies
      .filter(({ type, scope }) => (type === 'Mains' || type === 'USB') && scope !== 'Device')
      .map(({ folder }) => join(folder, 'online')),
    // A mouse may have a battery too, with the scope `Device`.
    batteries: supplies
      .filter(({ type, scope }) => type === 'Battery' && scope !== 'Device')
      .map(({ folder }) => ({ capacity: join(folder, 'capacity'), status: join(folder, 'status') })),
    graphicsBusy: graphics.map((device) => join(device, 'gpu_busy_percent')).filter(hasNumber),
    graphicsMemory: graphics.map((device) => join(device, 'mem_info_vram_used')).filter(hasNumber),
  };
}

function hasNumber(path: string): boolean {
  return readNumber(path) !== null;
}

/** Returns true if the battery powers the machine; null if that is unknown. */
export function readOnBattery({ mains, batteries }: HardwareFiles): boolean | null {
  if (mains.some((path) => readNumber(path) === 1)) return false;
  const statuses = batteries.map(({ status }) => readText(status));
  if (statuses.includes('Discharging')) return true;
  if (statuses.some((status) => status === 'Charging' || status === 'Full' || status === 'Not charging'))
    return false;
  // A running machine without a battery is on mains, but these files don't show that there is no battery.
  return null;
}

/** Returns the charge of the emptiest battery; null without a battery. */
export function readBatteryPercent({ batteries }: HardwareFiles): number | null {
  const charges = batteries
    .map(({ capacity }) => readNumber(capacity))
    .filter((charge) => charge !== null && charge >= 0 && charge <= 100);
  return charges.length === 0 ? null : Math.min(...(charges as number[]));
}
