/**
 * Sensor for NVIDIA GPUs: temperature, power draw, and load and memory by other programs. Idlewatt's own part is
 * recognized by process IDs; where that isn't possible, the part of others is unknown, not zero.
 */
import { type Card, loadNative, type Native } from '../../../native/index.ts';
import type { Readings } from '../../../shared/readings.ts';
import type { Sensor } from '../../ports/sensors.ts';
import { createTimeoutCall } from './timeout-call.ts';

export interface NvmlSensorOptions {
  /** Idlewatt's own processes on the GPUs; null while the process ID of one of them is unknown. */
  readonly ownPids: () => readonly number[] | null;
  /** Path of the library; the system's by default. */
  readonly library?: string;
  readonly native?: Native;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Maximum age of samples. The driver samples a process about six times per second; older ones are outdated. */
const SAMPLES_MS = 1_500;
/** Delay before the library is searched for again where it is missing, as on most machines. */
const MISSED_MS = 60_000;

export function createNvmlSensor(options: NvmlSensorOptions): Sensor {
  const native = options.native ?? loadNative();
  const now = options.now ?? Date.now;
  const readInTime = createTimeoutCall(() =>
    native.readCards(options.library ?? null, (now() - SAMPLES_MS) * 1_000),
  );
  let hadCards = false;
  let missedMs: number | null = null;
  /** Retries immediately, once, after a driver stopped responding: it may have been replaced. */
  const readCards = async () => {
    if (missedMs !== null && Math.abs(now() - missedMs) < MISSED_MS) return [];
    const cards = await readInTime();
    missedMs = cards === null && !hadCards ? now() : null;
    hadCards = cards !== null;
    return cards ?? [];
  };
  return {
    name: 'nvml',
    async read() {
      const cards = await readCards();
      const ownPids = options.ownPids();
      const own = new Set(ownPids ?? []);
      const atMs = now();
      const reading = (value: number | null) => (value === null ? null : { value, source: 'nvml', atMs });
      const others = <Value>(value: Value | null) => (ownPids === null ? null : value);
      return {
        otherGraphicsPercent: reading(others(greatest(cards.map((card) => otherPercent(card, own))))),
        otherGraphicsMemoryBytes: reading(others(sum(cards.map((card) => otherMemoryBytes(card, own))))),
        graphicsCelsius: reading(greatest(cards.map((card) => card.celsius))),
        watts: reading(sum(cards.map((card) => card.watts))),
      } satisfies { [Name in keyof Readings]?: Readings[Name] };
    },
    close() {},
  };
}

/** Returns NVIDIA's GPUs with the IDs that CUDA uses; none without a driver. */
export async function readNamedCards(): Promise<readonly Pick<Card, 'name' | 'uuid'>[]> {
  const readInTime = createTimeoutCall(() => loadNative().readCards(null, 0));
  return (await readInTime()) ?? [];
}

/** Sums the latest sample of each other process; without samples, the whole load if no own process can be part of it. */
function otherPercent(card: Card, own: ReadonlySet<number>): number | null {
  if (card.samples !== null) {
    const latest = new Map<number, { atUs: number; loadPercent: number }>();
    for (const sample of card.samples) {
      if (own.has(sample.pid) || (latest.get(sample.pid)?.atUs ?? 0) > sample.atUs) continue;
      latest.set(sample.pid, sample);
    }
    const load = [...latest.values()].reduce((total, { loadPercent }) => total + loadPercent, 0);
    return Math.min(100, load);
  }
  const mayBeOurs = card.holders === null || card.holders.some(({ pid }) => own.has(pid));
  return mayBeOurs && own.size > 0 ? null : card.loadPercent;
}

/** Returns all used memory except our own, because drivers and desktops hold memory that isn't listed by process. */
function otherMemoryBytes(card: Card, own: ReadonlySet<number>): number | null {
  if (card.memoryUsedBytes === null) return null;
  if (own.size === 0) return card.memoryUsedBytes;
  if (card.holders === null) return null;
  const ours = sum(card.holders.filter(({ pid }) => own.has(pid)).map(({ memoryBytes }) => memoryBytes));
  if (ours === null && card.holders.some(({ pid }) => own.has(pid))) return null;
  return Math.max(0, card.memoryUsedBytes - (ours ?? 0));
}

/** Returns null without values or if any value is unknown: an incomplete sum would be wrong. */
function sum(values: readonly (number | null)[]): number | null {
  if (values.length === 0) return null;
  return values.reduce(
    (total, value) => (total === null || value === null ? null : total + value),
    0 as number | null,
  );
}

function greatest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
