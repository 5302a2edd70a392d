/** Creates readings for tests: names that are left out are unknown. */
import { READING_NAMES, type ReadingName, type Readings } from '../../shared/readings.ts';

export const NO_READINGS = Object.fromEntries(READING_NAMES.map((name) => [name, null])) as Readings;

export type ReadingValues = { readonly [Name in ReadingName]?: NonNullable<Readings[Name]>['value'] | null };

/** Returns the values as readings of one source at one time; null is unknown. */
export function said(values: ReadingValues, atMs: number, source = 'test'): Readings {
  const known = Object.entries(values).map(([name, value]) => [
    name,
    value === null ? null : { value, source, atMs },
  ]);
  return { ...NO_READINGS, ...Object.fromEntries(known) };
}
