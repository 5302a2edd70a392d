/** Chooses the number of compute threads: never more than there are free physical cores. */

export interface CoreReading {
  /** Physical cores; null if unknown. */
  readonly physicalCores: number | null;
  /** Logical cores this process may use, within affinity and container limits: `os.availableParallelism()`. */
  readonly logicalCores: number;
  /** Cores in use by other programs, e.g. 1.5; null if not measured. */
  readonly busyCores: number | null;
  /** Share of the free cores that the owner allows, in percent. Default 100. */
  readonly sharePercent?: number;
}

/** Cores kept for the owner's programs and for the agent, which forwards every token. */
const RESERVED_CORES = 1;

/**
 * Returns the owner's share of the free physical cores less one, at least 1. Threads beyond the free cores wait for
 * each other at every layer: measured on two cores with other programs running, a second thread made decoding 5 to 20
 * times slower; on the same two cores when idle it doubled prefill speed. An owner's machine is rarely fully idle.
 */
export function chooseThreads(reading: CoreReading): number {
  // Assumes two threads per core.
  const physical = reading.physicalCores ?? Math.ceil(reading.logicalCores / 2);
  const usable = Math.min(physical, reading.logicalCores);
  // Other programs' load within the reserved core is not counted twice.
  const taken = Math.max(RESERVED_CORES, reading.busyCores ?? 0);
  return Math.max(1, Math.floor(((usable - taken) * (reading.sharePercent ?? 100)) / 100));
}
