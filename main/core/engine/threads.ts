/** How many threads the engine computes with: never more than there are free physical cores. */

export interface CoreReading {
  /** Physical cores; null when the machine does not say. */
  readonly physicalCores: number | null;
  /** Logical cores this process may use (affinity and container limits counted in): `os.availableParallelism()`. */
  readonly logicalCores: number;
  /** Cores that other programs keep busy, e.g. 1.5; null when not measured. */
  readonly busyCores: number | null;
  /** Share of the free cores that the owner gives, in percent; all when left out. */
  readonly sharePercent?: number;
}

/** For the owner's programs and for the agent, which moves every token on. */
const RESERVED_CORES = 1;

/**
 * The owner's share of the free physical cores less one, at least 1. Threads beyond the free cores wait for
 * each other at every layer: measured on two cores with other programs at work, a second thread made decoding
 * 5 to 20 times slower, while on the same cores idle it doubled prefill. An owner's machine is rarely quite idle.
 */
export function chooseThreads(reading: CoreReading): number {
  // Half the logical cores is what machines with two threads a core have.
  const physical = reading.physicalCores ?? Math.ceil(reading.logicalCores / 2);
  const usable = Math.min(physical, reading.logicalCores);
  // What the reserved core takes anyway is not counted twice.
  const taken = Math.max(RESERVED_CORES, reading.busyCores ?? 0);
  return Math.max(1, Math.floor(((usable - taken) * (reading.sharePercent ?? 100)) / 100));
}
