/** What all sources say together: for each name the word that is best for the owner, and nothing that is old. */
import {
  type PartialReadings,
  READING_NAMES,
  type ReadingName,
  type Readings,
} from '../../../shared/readings.ts';

/** Readings older than this say nothing about now. */
const READINGS_AGE_MS_MAX = 30_000;

export interface ReadingsBoard {
  /** What a source says now; a name that it leaves out keeps its last word. */
  put(said: PartialReadings): void;
  /** Merged. What is too old, or of the future by as much, counts as unknown. */
  at(nowMs: number): Readings;
}

type Known = NonNullable<Readings[ReadingName]>;

/** Which of two sources is believed: the one that errs to the owner's side. Of idle times the shorter one. */
const PREFER_SMALLER: ReadonlySet<ReadingName> = new Set([
  'inputIdleSeconds',
  'controllerIdleSeconds',
  'batteryPercent',
]);
/** A lock lets us run: it counts only where no source denies it. */
const PREFER_FALSE: ReadonlySet<ReadingName> = new Set(['locked']);

export function createReadingsBoard(): ReadingsBoard {
  const words = new Map<ReadingName, Map<string, Known>>();
  return {
    put(said) {
      for (const name of READING_NAMES) {
        const reading = said[name];
        if (!reading) continue;
        const bySource = words.get(name) ?? new Map<string, Known>();
        words.set(name, bySource.set(reading.source, reading));
      }
    },
    at(nowMs) {
      const isFresh = ({ atMs }: Known) => Math.abs(nowMs - atMs) <= READINGS_AGE_MS_MAX;
      const merged = READING_NAMES.map((name) => {
        const fresh = [...(words.get(name)?.values() ?? [])].filter(isFresh);
        return [
          name,
          fresh.length === 0 ? null : fresh.reduce((left, right) => better(name, left, right, nowMs)),
        ];
      });
      return Object.fromEntries(merged) as Readings;
    },
  };
}

function better(name: ReadingName, left: Known, right: Known, nowMs: number): Known {
  if (PREFER_SMALLER.has(name)) {
    // An idle time that was read earlier has grown since.
    const now = (reading: Known) => Number(reading.value) + (nowMs - reading.atMs) / 1000;
    return now(right) < now(left) ? right : left;
  }
  const prefersRight = PREFER_FALSE.has(name) ? right.value < left.value : right.value > left.value;
  return prefersRight ? right : left;
}
