/**
 * Merges the latest readings of all sensors. Where sources disagree, the value that favors the owner wins; readings
 * older than 30 s are dropped.
 */
import {
  type KnownReading,
  moreCareful,
  type PartialReadings,
  READING_NAMES,
  type ReadingName,
  type Readings,
} from '../../../shared/readings.ts';

/** Readings older than this don't describe the present. */
const READINGS_AGE_MS_MAX = 30_000;

export interface LatestReadings {
  /** Stores the readings of one source. A reading that it leaves out keeps its last value. */
  put(readings: PartialReadings): void;
  /** Returns the merged readings. A reading that is too old, or from the future by as much, counts as unknown. */
  at(nowMs: number): Readings;
}

export function createLatestReadings(): LatestReadings {
  const latest = new Map<ReadingName, Map<string, KnownReading>>();
  return {
    put(readings) {
      for (const name of READING_NAMES) {
        const reading = readings[name];
        if (!reading) continue;
        const bySource = latest.get(name) ?? new Map<string, KnownReading>();
        latest.set(name, bySource.set(reading.source, reading));
      }
    },
    at(nowMs) {
      const isFresh = ({ atMs }: KnownReading) => Math.abs(nowMs - atMs) <= READINGS_AGE_MS_MAX;
      const merged = READING_NAMES.map((name) => {
        const fresh = [...(latest.get(name)?.values() ?? [])].filter(isFresh);
        return [
          name,
          fresh.length === 0 ? null : fresh.reduce((left, right) => moreCareful(name, left, right)),
        ];
      });
      return Object.fromEntries(merged) as Readings;
    },
  };
}
