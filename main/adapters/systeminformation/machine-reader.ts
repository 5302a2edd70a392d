/**
 * Reads the machine's inventory and live readings. systeminformation starts programs for many of its results, so those
 * are queried rarely and cached; what is read each time costs only a system call.
 */
import { readFile } from 'node:fs/promises';
import { arch, freemem, hostname, release, totalmem, type } from 'node:os';
import systeminformation from 'systeminformation';
import type { Inventory, MachineReader } from '../../ports/machine.ts';
import {
  physicalCores,
  positive,
  readAvailableMemory,
  readGraphics,
  readGraphicsWatts,
  readOsRelease,
  readProcessor,
  readSystem,
  readTemperature,
} from './facts.ts';
import { inTime } from './in-time.ts';
import { createEnergyMeter, createLoadMeter } from './meters.ts';

/** The functions of systeminformation that are used; their results aren't trusted, so they have no type. */
export interface MachineSource {
  cpu(): Promise<unknown>;
  graphics(): Promise<unknown>;
  osInfo(): Promise<unknown>;
  mem(): Promise<unknown>;
  cpuTemperature(): Promise<unknown>;
}

export interface MachineReaderOptions {
  readonly source?: MachineSource;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly platform?: NodeJS.Platform;
}

/** Reading temperature and power starts a program on most platforms; PowerShell takes about one second of a core. */
const sensorIntervalMs = (platform: NodeJS.Platform) => (platform === 'win32' ? 120_000 : 30_000);
/** A sensor without a value is missing and will hardly be added soon. */
const MISSING_SENSOR_INTERVAL_MS = 600_000;

export function createMachineReader(options: MachineReaderOptions = {}): MachineReader {
  const source = options.source ?? systeminformation;
  const now = options.now ?? Date.now;
  const platform = options.platform ?? process.platform;

  const intervalMs = sensorIntervalMs(platform);
  let inventory: Promise<Inventory> | null = null;
  const load = createLoadMeter();
  const energy = createEnergyMeter(now);
  const temperature = createCachedSensor(now, intervalMs, async () =>
    readTemperature(await inTime(source.cpuTemperature())),
  );
  const graphicsWatts = createCachedSensor(now, intervalMs, async () =>
    readGraphicsWatts(await inTime(source.graphics())),
  );
  // Only macOS needs a program for this: elsewhere the kernel's figure is what programs can still allocate.
  const memory = createCachedSensor(now, intervalMs, async () =>
    readAvailableMemory(await inTime(source.mem())),
  );

  return {
    inventory() {
      inventory ??= readInventory(source, platform);
      return inventory;
    },
    async readings() {
      const cpuLoadPercent = load();
      const [temperatureCelsius, freeMemoryBytes, cardWatts, processorWatts] = await Promise.all([
        temperature(),
        platform === 'darwin' ? memory() : positive(freemem()),
        graphicsWatts(),
        platform === 'linux' ? energy() : null,
      ]);
      return {
        cpuLoadPercent,
        temperatureCelsius,
        freeMemoryBytes,
        watts:
          cardWatts === null && processorWatts === null ? null : (cardWatts ?? 0) + (processorWatts ?? 0),
        atMs: now(),
      };
    },
  };
}

async function readInventory(source: MachineSource, platform: NodeJS.Platform): Promise<Inventory> {
  const [cpu, graphics, os] = await Promise.all([
    inTime(source.cpu()),
    inTime(source.graphics()),
    platform === 'linux' ? readLinux() : inTime(source.osInfo()).then(readSystem),
  ]);
  const processor = readProcessor(cpu);
  return {
    hostname: hostname(),
    os: os ?? `${type()} ${release()} ${arch()}`,
    devices: [...(processor === null ? [] : [processor]), ...readGraphics(graphics)],
    memoryBytes: positive(totalmem()),
    physicalCores: physicalCores(cpu),
  };
}

/** For this, systeminformation starts several programs, some of them with blocking calls. */
async function readLinux(): Promise<string | null> {
  return readOsRelease(await readFile('/etc/os-release', 'utf8').catch(() => ''), arch());
}

/** Reads at most once per interval and never twice at a time; returns the cached value in between. */
function createCachedSensor(
  now: () => number,
  intervalMs: number,
  read: () => Promise<number | null>,
): () => Promise<number | null> {
  let last: Promise<number | null> | null = null;
  let dueMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (last !== null && now() < dueMs) return last;
    dueMs = now() + intervalMs;
    last = read().then((value) => {
      if (value === null) dueMs = now() + MISSING_SENSOR_INTERVAL_MS;
      return value;
    });
    return last;
  };
}
