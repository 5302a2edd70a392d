/** Port for the machine's inventory and live readings, used by the benchmark and the pages. Unknown is null. */
import type { GpuProbeResult } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';

export type Device = AgentState['machine']['devices'][number];

export interface Inventory {
  readonly hostname: string;
  readonly os: string;
  readonly devices: readonly Device[];
  readonly memoryBytes: number | null;
  /** Physical cores over all sockets. */
  readonly physicalCores: number | null;
}

export interface MachineReadings {
  readonly freeMemoryBytes: number | null;
  readonly cpuLoadPercent: number | null;
  readonly temperatureCelsius: number | null;
  readonly watts: number | null;
  readonly atMs: number;
}

export interface MachineReader {
  inventory(): Promise<Inventory>;
  readings(): Promise<MachineReadings>;
}

/** Runs gpu.js kernels: in the desktop shell's hidden window, or in a worker process if there is no shell. */
export interface GpuProbe {
  run(signal: AbortSignal): Promise<GpuProbeResult>;
}
