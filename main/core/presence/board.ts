/** What all sources say together: for each name the word that is best for the owner, and nothing that is old. */
import {
  type KnownReading,
  moreCareful,
  type PartialReadings,
  READING_NAMES,
  type ReadingName,
  type Readings,
} from '../../../shared/readings.ts';

/** Readings older than this say nothing about now. */
const READINGS_AGE_MS_MAX = 30_000;

export interface LatestReadings {
  /** What a source says now; a name that it leaves out keeps its last word. */
  put(said: PartialReadings): void;
  /** Merged. What is too old, or of the future by as much, counts as unknown. */
  at(nowMs: number): Readings;
}

export function createReadingsBoard(): LatestReadings {
  const words = new Map<ReadingName, Map<string, KnownReading>>();
  return {
    put(said) {
      for (const name of READING_NAMES) {
        const reading = said[name];
        if (!reading) continue;
        const bySource = words.get(name) ?? new Map<string, KnownReading>();
        words.set(name, bySource.set(reading.source, reading));
      }
    },
    at(nowMs) {
      const isFresh = ({ atMs }: KnownReading) => Math.abs(nowMs - atMs) <= READINGS_AGE_MS_MAX;
      const merged = READING_NAMES.map((name) => {
        const fresh = [...(words.get(name)?.values() ?? [])].filter(isFresh);
        return [
          name,
          fresh.length === 0 ? null : fresh.reduce((left, right) => moreCareful(name, left, right)),
        ];
      });
      return Object.fromEntries(merged) as Readings;
    },
  };
}
