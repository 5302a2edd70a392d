/**
 * NVIDIA's cards: temperature and watts, and what other programs take of them. Ours is told apart from theirs by
 * process ids. Where it cannot be told apart the share of others is unknown, not zero.
 */
import { type Card, loadNative, type Native } from '../../../native/index.ts';
import type { Readings } from '../../../shared/readings.ts';
import type { Sensor } from '../../ports/sensors.ts';
import { createTimelyQuestion } from './answer-in-time.ts';

export interface NvmlSensorOptions {
  /** The processes whose use of the cards is ours; null while one of them is not known by its id. */
  readonly ownPids: () => readonly number[] | null;
  /** The library's file; the system's own by default. */
  readonly library?: string;
  readonly native?: Native;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The driver samples a process about six times a second; older ones say nothing of now. */
const SAMPLES_MS = 1_500;
/** How long a machine without the library, which is most of them, is not searched for it again. */
const MISSED_MS = 60_000;

export function createNvmlSensor(options: NvmlSensorOptions): Sensor {
  const native = options.native ?? loadNative();
  const now = options.now ?? Date.now;
  const ask = createTimelyQuestion(() =>
    native.readCards(options.library ?? null, (now() - SAMPLES_MS) * 1_000),
  );
  let answered = false;
  let missedMs: number | null = null;
  /** A driver that has just answered is asked again at once: it may have been replaced. */
  const find = async () => {
    if (missedMs !== null && Math.abs(now() - missedMs) < MISSED_MS) return [];
    const cards = await ask();
    missedMs = cards === null && !answered ? now() : null;
    answered = cards !== null;
    return cards ?? [];
  };
  return {
    name: 'nvml',
    async read() {
      const cards = await find();
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

/** NVIDIA's cards by the ids that CUDA knows them by; none where there is no driver. */
export async function readNamedCards(): Promise<readonly Pick<Card, 'name' | 'uuid'>[]> {
  const ask = createTimelyQuestion(() => loadNative().readCards(null, 0));
  return (await ask()) ?? [];
}

/** The latest sample of each foreign process; the card's whole load where none of ours can have part in it. */
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
  const oursIsThere = card.holders === null || card.holders.some(({ pid }) => own.has(pid));
  return oursIsThere && own.size > 0 ? null : card.loadPercent;
}

/** All that is used but ours: drivers and desktops hold memory that no process is named for. */
function otherMemoryBytes(card: Card, own: ReadonlySet<number>): number | null {
  if (card.memoryUsedBytes === null) return null;
  if (own.size === 0) return card.memoryUsedBytes;
  if (card.holders === null) return null;
  const ours = sum(card.holders.filter(({ pid }) => own.has(pid)).map(({ memoryBytes }) => memoryBytes));
  if (ours === null && card.holders.some(({ pid }) => own.has(pid))) return null;
  return Math.max(0, card.memoryUsedBytes - (ours ?? 0));
}

/** Null when nothing is known or any part is unknown: a part is no sum. */
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
