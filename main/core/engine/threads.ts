/** How many threads the engine computes with: never more than there are free physical cores. */

export interface CoreReading {
  /** Physical cores; null when the machine does not say. */
  readonly physicalCores: number | null;
  /** Logical cores this process may use (affinity and container limits counted in). */
  readonly logicalCores: number;
  /** Cores that other programs keep busy, e.g. 1.5; null when not measured. */
  readonly busyCores: number | null;
}

/**
 * Free physical cores, at least 1. Spinning threads beyond the free cores wait for each other at every
 * layer and make a token dozens of times slower, so this rounds to the careful side.
 */
export function chooseThreads(reading: CoreReading): number {
  // Half the logical cores is what machines with two threads a core have.
  const physical = reading.physicalCores ?? Math.ceil(reading.logicalCores / 2);
  const usable = Math.min(physical, reading.logicalCores);
  const busy = Math.max(0, reading.busyCores ?? 0);
  // A core that is a quarter busy with passing things is still free.
  const free = Math.floor(usable - busy + 0.25);
  return Math.max(1, Math.min(usable, free));
}
