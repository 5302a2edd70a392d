/**
 * The machine's inventory and its live readings. systeminformation starts programs for many answers, so
 * these are asked rarely and kept; what is read each time costs a system call.
 */
import { readFile } from 'node:fs/promises';
import { arch, cpus, freemem, hostname, release, totalmem, type } from 'node:os';
import systeminformation from 'systeminformation';
import type { Inventory, MachineReader } from '../../ports/machine.ts';
import type { Sensor } from '../../ports/sensors.ts';
import {
  physicalCores,
  positive,
  readAvailableMemory,
  readGraphics,
  readGraphicsWatts,
  readProcessor,
  readSystem,
  readTemperature,
} from './facts.ts';

export { createOtherLoadSensor } from './other-load.ts';

/** The questions that are asked of systeminformation; its answers are not trusted, so they have no type. */
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

/** Temperature and power start a program on most platforms; PowerShell takes about a second of a core. */
const sensorIntervalMs = (platform: NodeJS.Platform) => (platform === 'win32' ? 120_000 : 30_000);
/** A sensor that said nothing will hardly grow one. */
const MISSING_SENSOR_INTERVAL_MS = 600_000;
/** A program that hangs (a driver's tool, PowerShell) is not waited for. */
const ANSWER_MS_MAX = 15_000;
/** The processor's energy counter on Linux; newer kernels let only root read it. */
const ENERGY_FILE = '/sys/class/powercap/intel-rapl:0/energy_uj';

export function createMachineReader(options: MachineReaderOptions = {}): MachineReader {
  const source = options.source ?? systeminformation;
  const now = options.now ?? Date.now;
  const platform = options.platform ?? process.platform;

  const intervalMs = sensorIntervalMs(platform);
  let inventory: Promise<Inventory> | null = null;
  const load = createLoadMeter();
  const energy = createEnergyMeter(now);
  const temperature = createSensor(now, intervalMs, async () =>
    readTemperature(await answer(source.cpuTemperature())),
  );
  const graphicsWatts = createSensor(now, intervalMs, async () =>
    readGraphicsWatts(await answer(source.graphics())),
  );
  // Only macOS needs a program for it: elsewhere the kernel's own figure is what programs could still take.
  const memory = createSensor(now, intervalMs, async () => readAvailableMemory(await answer(source.mem())));

  return {
    inventory() {
      inventory ??= readInventory(source);
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

/** Temperature and watts as the decision to run sees them. */
export function createMachineSensor(reader: Pick<MachineReader, 'readings'>): Sensor {
  const source = 'systeminformation';
  return {
    name: source,
    async read() {
      const { temperatureCelsius, watts, atMs } = await reader.readings();
      const said = (value: number | null) => (value === null ? null : { value, source, atMs });
      return { processorCelsius: said(temperatureCelsius), watts: said(watts) };
    },
    close() {},
  };
}

async function readInventory(source: MachineSource): Promise<Inventory> {
  const [cpu, graphics, osInfo] = await Promise.all([
    answer(source.cpu()),
    answer(source.graphics()),
    answer(source.osInfo()),
  ]);
  const processor = readProcessor(cpu);
  return {
    hostname: hostname(),
    os: readSystem(osInfo) ?? `${type()} ${release()} ${arch()}`,
    devices: [...(processor === null ? [] : [processor]), ...readGraphics(graphics)],
    memoryBytes: positive(totalmem()),
    physicalCores: physicalCores(cpu),
  };
}

/** What was answered in time; null when it failed or took too long. */
async function answer(question: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ANSWER_MS_MAX);
    timer.unref();
  });
  try {
    return await Promise.race([question.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks at most once in an interval, never twice at a time, and answers from memory in between. */
function createSensor(
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

/** Load of all cores since it was last asked; null at first and when no time has passed. */
function createLoadMeter(): () => number | null {
  let before = coreTimes();
  return () => {
    const after = coreTimes();
    const total = after.total - before.total;
    const idle = after.idle - before.idle;
    if (total <= 0) return null;
    before = after;
    return Math.min(100, Math.max(0, (100 * (total - idle)) / total));
  };
}

function coreTimes(): { total: number; idle: number } {
  let total = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    total += times.user + times.nice + times.sys + times.idle + times.irq;
    idle += times.idle;
  }
  return { total, idle };
}

/** Mean watts of the processor since it was last asked; null at first, where unreadable, or on overflow. */
function createEnergyMeter(now: () => number): () => Promise<number | null> {
  let before: { microjoules: number; atMs: number } | null = null;
  let readable = true;
  return async () => {
    if (!readable) return null;
    const content = await readFile(ENERGY_FILE, 'utf8').catch(() => null);
    const microjoules = content === null ? null : positive(Number(content));
    if (microjoules === null) {
      readable = false;
      return null;
    }
    const earlier = before;
    before = { microjoules, atMs: now() };
    if (earlier === null || microjoules < earlier.microjoules || before.atMs <= earlier.atMs) return null;
    return (microjoules - earlier.microjoules) / 1000 / (before.atMs - earlier.atMs);
  };
}
